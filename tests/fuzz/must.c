/*
 * must() in the fuzz targets and seed programs: says what failed and traps, so that libFuzzer keeps
 * the input. In an archive of its own: a target that brings its own is linked with that one.
 */
#include <stdio.h>

#include "proto/must.h"

_Noreturn void must_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: must(%s) failed\n", file, line, condition);
    __builtin_trap();
}
