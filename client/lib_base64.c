/* Base64: see lib_base64.h. */
#include "client/lib_base64.h"

#include <stdint.h>
#include <string.h>

/* And what fills up the last four. */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
enum { PADDING = 64 };

void lib_base64_encode(char *out, const void *bytes, size_t size)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? in[i + 2] : 0;
        out[0] = digits[group >> 18];
        out[1] = digits[group >> 12 & 63];
        out[2] = digits[left > 1 ? group >> 6 & 63 : PADDING];
        out[3] = digits[left > 2 ? group & 63 : PADDING];
        out += 4;
    }
    *out = '\0';
}

/* Four digits, the last of which may be padding, as bytes: how many, or 0 if they are none. */
static size_t decode_group(uint8_t bytes[3], const char *text)
{
    uint32_t group = 0;
    size_t padding = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        bool pads = digit == digits + PADDING;
        if (!digit || (pads && i < 2) || (!pads && padding > 0))
            return 0;
        padding += pads;
        group = group << 6 | (pads ? 0 : (uint32_t)(digit - digits));
    }
    for (size_t i = 0; i < 3; i++)
        bytes[i] = (uint8_t)(group >> (16 - 8 * i));
    /* What the padding hides must be 0, else one value had several texts. */
    return (padding > 0 && bytes[2]) || (padding > 1 && bytes[1]) ? 0 : 3 - padding;
}

bool lib_base64_decode(void *out, size_t most, size_t *size, const char *text)
{
    uint8_t *at = out, bytes[3];
    size_t length = strlen(text);
    *size = 0;
    if (length % 4 != 0 || length / 4 * 3 > most + 2)
        return false;
    for (size_t i = 0; i < length; i += 4) {
        size_t count = decode_group(bytes, text + i);
        bool last = i + 4 == length;
        if (count == 0 || (count < 3 && !last) || (size_t)(at - (uint8_t *)out) + count > most)
            return false;
        memcpy(at, bytes, count);
        at += count;
    }
    *size = (size_t)(at - (uint8_t *)out);
    return true;
}
