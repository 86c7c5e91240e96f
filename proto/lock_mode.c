/* The modes of a lock: see lock_mode.h. */
#include "proto/lock_mode.h"

#include "proto/limits.h"
#include "proto/must.h"
#include "proto/mutant.h"

#include <string.h>

/* Rows and columns in the order of the enum: fs/dlm/lock.c, __dlm_compat_matrix, without UN and PD;
 * and COUNTED. */
/* clang-format off */
static const bool compatible[LOCK_MODES][LOCK_MODES] = {
    /*               NL CR CW PR PW EX counted */
    [LOCK_NL] =      {1, 1, 1, 1, 1, 1, 1},
    [LOCK_CR] =      {1, 1, 1, 1, 1, 0, 0},
    [LOCK_CW] =      {1, 1, 1, 0, 0, 0, 0},
    [LOCK_PR] =      {1, 1, 0, 1, 0, 0, 0},
    [LOCK_PW] =      {1, 1, 0, 0, 0, 0, 0},
    [LOCK_EX] =      {1, 0, 0, 0, 0, 0, 0},
    [LOCK_COUNTED] = {1, 0, 0, 0, 0, 0, 1},
};
/* clang-format on */

const char *lock_mode_text(enum lock_mode mode)
{
    switch (mode) {
    case LOCK_NL:
        return "NL";
    case LOCK_CR:
        return "CR";
    case LOCK_CW:
        return "CW";
    case LOCK_SHARED:
        return "shared";
    case LOCK_PW:
        return "PW";
    case LOCK_EXCLUSIVE:
        return "exclusive";
    case LOCK_COUNTED:
        return "counted";
    case LOCK_MODES:
        break;
    }
    return "unknown";
}

static int upper(char c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

bool lock_mode_parse(enum lock_mode *out, const char *text)
{
    static const char letters[][3] = {"NL", "CR", "CW", "PR", "PW", "EX"};
    _Static_assert(sizeof letters / sizeof letters[0] == LOCK_COUNTED, "one for each of the six");
    bool two = text[0] && text[1] && !text[2];
    for (int mode = 0; mode < LOCK_MODES; mode++) {
        bool is = strcmp(text, lock_mode_text((enum lock_mode)mode)) == 0;
        if (two && mode < LOCK_COUNTED)
            is = upper(text[0]) == letters[mode][0] && upper(text[1]) == letters[mode][1];
        if (is) {
            *out = (enum lock_mode)mode;
            return true;
        }
    }
    return false;
}

bool lock_mode_writes(enum lock_mode mode)
{
    return mode == LOCK_CW || mode == LOCK_PW || mode == LOCK_EX;
}

bool lock_modes_compatible(enum lock_mode a, enum lock_mode b)
{
    must(a < LOCK_MODES && b < LOCK_MODES);
    if (MUTANT(63) && a != b && (a == LOCK_CW || a == LOCK_PR) && (b == LOCK_CW || b == LOCK_PR))
        return true; /* "writers beside a protected reader" */
    return compatible[a][b];
}

bool lock_mode_covers(enum lock_mode a, unsigned a_limit, enum lock_mode b, unsigned b_limit)
{
    for (int mode = 0; mode < LOCK_MODES; mode++)
        if (lock_modes_compatible(a, (enum lock_mode)mode) &&
            !lock_modes_compatible(b, (enum lock_mode)mode))
            return false;
    return a != LOCK_COUNTED || b != LOCK_COUNTED || a_limit <= b_limit;
}

bool lock_mode_valid(unsigned mode, unsigned limit)
{
    if (mode == LOCK_COUNTED)
        return limit >= 1 && limit <= LOCK_COUNT_MAX;
    return mode < LOCK_MODES && limit == 0;
}
