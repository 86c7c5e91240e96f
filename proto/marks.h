/*
 * Marks: a set of indices, as bits, and the next one that is in it. What has changed is marked, so
 * that nobody looks at all of a large roster for it.
 */
#ifndef PROTO_MARKS_H
#define PROTO_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct marks {
    uint64_t *words;
    size_t count; /* of indices */
    size_t set;   /* of those that are marked */
};

/* Bytes of memory that so many indices need. */
size_t marks_bytes(size_t count);
/* None is marked. `memory` (marks_bytes, aligned for uint64_t) is the caller's. */
void marks_init(struct marks *m, void *memory, size_t count);
/* `index` < count, for each. */
void marks_put(struct marks *m, size_t index);
void marks_drop(struct marks *m, size_t index);
bool marks_has(const struct marks *m, size_t index);
/* The first marked index from `from` on; count if there is none. */
size_t marks_next(const struct marks *m, size_t from);
/* The same, and from 0 on if there is none above. */
size_t marks_next_round(const struct marks *m, size_t from);

#endif
