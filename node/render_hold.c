/* The id of a hold as text: see render_hold.h. */
#include "node/render_hold.h"

#include <stddef.h>
#include <stdint.h>

enum { RENDER_DIGITS = 20 }; /* of the highest number */

static char *render_number(char *at, uint64_t number)
{
    char digits[RENDER_DIGITS];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

/* What follows the number, which is at most `most`; NULL if none is there in its one spelling. */
static const char *render_parse_number(uint64_t *out, const char *text, uint64_t most)
{
    const char *at = text;
    uint64_t number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (most - digit) / 10)
            return NULL;
        number = number * 10 + digit;
    }
    *out = number;
    return at == text || (*text == '0' && at > text + 1) ? NULL : at;
}

struct hold_text render_hold(struct op_id id)
{
    struct hold_text out;
    _Static_assert(sizeof out.text > 3 * (RENDER_DIGITS + 1), "a hold's text fits");
    char *at = render_number(out.text, id.slot);
    *at++ = '.';
    at = render_number(at, id.life);
    *at++ = '.';
    *render_number(at, id.counter) = '\0';
    return out;
}

bool render_parse_hold(struct op_id *out, const char *text)
{
    uint64_t slot, life, counter;
    const char *at = render_parse_number(&slot, text, UINT16_MAX);
    at = at && *at == '.' ? render_parse_number(&life, at + 1, UINT64_MAX) : NULL;
    at = at && *at == '.' ? render_parse_number(&counter, at + 1, UINT64_MAX) : NULL;
    if (!at || *at != '\0')
        return false;
    *out = (struct op_id){.slot = (uint16_t)slot, .life = life, .counter = counter};
    return true;
}
