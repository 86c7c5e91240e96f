/* A step of each kind, every field with another value, for tests and the fuzzer's seeds. */
#ifndef TESTS_UNIT_STEP_SAMPLE_H
#define TESTS_UNIT_STEP_SAMPLE_H

#include "proto/fence_step.h"
#include "tests/unit/wire_sample.h"

static inline struct digest wire_sample_hash(uint64_t n)
{
    struct digest v;
    memset(v.bytes, (int)n, sizeof v.bytes);
    return v;
}

#define STEP_SAMPLE_FIELD(kind, field) of_kind->field = wire_sample_##kind(n++);
#define STEP_SAMPLE_CASE(NAME, name)                                                               \
    case FENCE_STEP_##NAME: {                                                                      \
        struct fence_step_##name *of_kind = &s.name;                                               \
        FENCE_STEP_FIELDS_##name(STEP_SAMPLE_FIELD) break;                                         \
    }

static inline struct fence_step step_sample(enum fence_step_kind wanted)
{
    struct fence_step s = {.kind = wanted};
    uint64_t n = 1;
    switch (wanted) {
    case FENCE_STEP_NONE:
    case FENCE_STEP_KINDS_END:
        break;
        FENCE_STEP_KINDS(STEP_SAMPLE_CASE)
    }
    return s;
}

#undef STEP_SAMPLE_CASE
#undef STEP_SAMPLE_FIELD

#endif
