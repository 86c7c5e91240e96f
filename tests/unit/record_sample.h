/* A record of each kind, every field with another value, for tests and the fuzzer's seeds. */
#ifndef TESTS_UNIT_RECORD_SAMPLE_H
#define TESTS_UNIT_RECORD_SAMPLE_H

#include "proto/record.h"
#include "tests/unit/wire_sample.h"

#define RECORD_SAMPLE_FIELD(kind, field) of_kind->field = wire_sample_##kind(n++);
#define RECORD_SAMPLE_CASE(NAME, name)                                                             \
    case RECORD_##NAME: {                                                                          \
        struct record_##name *of_kind = &r.name;                                                   \
        RECORD_FIELDS_##name(RECORD_SAMPLE_FIELD) break;                                           \
    }

static inline struct record record_sample(enum record_kind wanted)
{
    struct record r = {.kind = wanted};
    uint64_t n = 1;
    switch (wanted) {
    case RECORD_NONE:
    case RECORD_KINDS_END:
        break;
        RECORD_KINDS(RECORD_SAMPLE_CASE)
    }
    return r;
}

#undef RECORD_SAMPLE_CASE
#undef RECORD_SAMPLE_FIELD

#endif
