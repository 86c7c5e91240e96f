/* Texts: see text.h. */
#include "crypto/text.h"

/* Bytes of the UTF-8 sequence that starts at p, by RFC 3629's table; 0 if there is none. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < size)
        return 0;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

bool text_valid(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = utf8_sequence(bytes + i, size - i);
        bool control = bytes[i] < 0x20 || bytes[i] == 0x7f ||
                       (bytes[i] == 0xc2 && length == 2 && bytes[i + 1] < 0xa0);
        if (length == 0 || control)
            return false;
        i += length;
    }
    return true;
}
