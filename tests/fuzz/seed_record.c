/* Writes seeds for fuzz_record to DIR/record/: a record of each kind, lock states, a story. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "proto/docket.h"
#include "tests/unit/record_sample.h"

static uint8_t bytes[RECORD_BYTES_MAX + 1];

static void write_seed(const char *dir, const char *name, unsigned number, const struct writer *w)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/record/%s-%u", dir, name, number);
    FILE *file = fopen(path, "wb");
    size_t size = writer_size(w);
    if (!file || w->failed || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static struct writer begin(uint8_t what)
{
    struct writer w = writer_init(bytes, sizeof bytes);
    write_u8(&w, what);
    return w;
}

/* Held, waited for, marked, and broken by a proof. */
static void write_states(const char *dir)
{
    static struct lock_state state;
    lock_init(&state);
    for (unsigned i = 0; i < 4; i++) {
        struct lock_op op = {
            .kind = i == 3 ? LOCK_BREAK : LOCK_ACQUIRE,
            .id = {.slot = (uint16_t)(i == 3 ? 1 : i + 1), .life = 2, .counter = i},
            .mode = i == 0   ? LOCK_COUNTED
                    : i == 1 ? LOCK_SHARED
                             : LOCK_EXCLUSIVE,
            .limit = i == 0 ? 3 : 0,
            .policy = LOCK_STALE_FENCE,
            .receipt = true};
        lock_apply(&state, &op);
        struct writer w = begin(1);
        lock_encode(&w, &state);
        write_seed(dir, "state", i, &w);
    }
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: seed_record DIR\n");
        return 64;
    }
    snprintf(path, sizeof path, "%s/record", argv[1]);
    mkdir(path, 0755);
    for (unsigned kind = RECORD_NONE + 1; kind < RECORD_KINDS_END; kind++) {
        struct record record = record_sample((enum record_kind)kind);
        struct writer w = begin(0);
        record_encode(&w, &record);
        write_seed(argv[1], "record", kind, &w);
    }
    write_states(argv[1]);
    struct fence_story story = {.accuser = 3, .name = wire_sample_name(4), .count = 2};
    struct writer w = begin(2);
    story_encode(&w, &story);
    write_seed(argv[1], "story", 0, &w);
    return 0;
}
