/*
 * The executor's acts: on which lives it has acted, so that it never acts twice (F9).
 *
 * One small file, `acts` in its state directory, replaced as a whole and synced before a driver is
 * started; so a crash at any instant leaves an act that may not have happened, never one that was
 * forgotten. Lives only rise: of each node the acts on the highest life are kept, and every lower
 * life counts as acted upon.
 *
 *     "HFACTS01", cluster, u32 count, count * {u16 slot, u64 life, u8 action, order's digest},
 *     digest of all before it
 */
#ifndef NODE_ACTS_H
#define NODE_ACTS_H

#include "crypto/bytes.h"
#include "crypto/statement.h"
#include "node/fault.h"

enum {
    ACTS_MAX = 4096,
    ACTS_LIFE_MAX = 16, /* on one life: the rungs of its ladder, and orders for its sessions */
    ACTS_RECORD_BYTES = 2 + 8 + 1 + DIGEST_SIZE,
    ACTS_FILE_MAX = 8 + DIGEST_SIZE + 4 + ACTS_MAX * ACTS_RECORD_BYTES + DIGEST_SIZE
};

/* One action of one order, carried out once. */
struct act {
    uint16_t slot;
    uint64_t life;
    uint8_t action;
    struct digest order;
};

struct acts_table {
    size_t count;
    struct act list[ACTS_MAX];
};

enum acts_verdict {
    ACTS_NEW,
    ACTS_DONE, /* this very act */
    ACTS_OLD,  /* it acted on a higher life of that node */
    ACTS_FULL  /* no room for more: refused, nothing is forgotten */
};
const char *acts_verdict_text(enum acts_verdict verdict);

enum acts_verdict acts_look(const struct acts_table *table, const struct act *act);
/* Only what acts_look calls new. */
void acts_add(struct acts_table *table, const struct act *act);

/* At most ACTS_FILE_MAX bytes. */
size_t acts_encode(uint8_t *out, const struct acts_table *table, const struct cluster_id *cluster);
/* False for anything that acts_encode does not write, and for another cluster's. */
bool acts_decode(struct acts_table *out, const struct cluster_id *cluster, const uint8_t *bytes,
                 size_t size);

struct acts;

/* Opens, or makes where there is none, the file in `dir`, and locks it for this process. NULL with
 * *fault; a file that does not check out is such a fault. */
struct acts *acts_open(const char *dir, const struct cluster_id *cluster, struct fault *fault);
void acts_close(struct acts *acts);
const struct acts_table *acts_table(const struct acts *acts);
/* Adds what is new, durable when it returns. 0, or errno: then it must not be acted upon. */
int acts_write(struct acts *acts, const struct act *act);

#endif
