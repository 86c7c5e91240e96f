/*
 * Writes seeds for fuzz_votelog to DIR/votelog/: valid logs under the first byte 0 and 1 (as they
 * are, checksums repaired), and mutations under 2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/votelog.h"

enum { ROOM = 8192 };

static void save(const char *dir, const char *name, const uint8_t *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/votelog/%s", dir, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* A log of records first.. with a snapshot up to `base`, behind one byte of mode; its size. */
static size_t make_log(uint8_t *out, uint8_t mode, uint64_t first, uint64_t base, uint64_t last)
{
    static const uint8_t payload[200] = "ballot, sequence, state";
    struct votelog_header header = {.slot = 2, .first_lsn = first, .base_lsn = base};
    memset(header.store.bytes, 0x5a, STORE_ID_SIZE);
    out[0] = mode;
    votelog_header_encode(out + 1, &header);
    struct writer w = writer_init(out, ROOM);
    w.at += 1 + VOTELOG_HEADER_SIZE;
    for (uint64_t lsn = first; lsn <= last; lsn++) {
        uint64_t durable = lsn <= base ? first - 1 : lsn % 3 ? base : lsn - 1;
        votelog_record_encode(&w, &header.store, lsn, durable, payload, (size_t)(lsn * 29) % 200);
    }
    return writer_size(&w);
}

int main(int argc, char **argv)
{
    uint8_t bytes[ROOM] = {0};
    char path[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: seed_votelog DIR\n");
        return 64;
    }
    mkdir(argv[1], 0777);
    snprintf(path, sizeof path, "%s/votelog", argv[1]);
    mkdir(path, 0777);

    for (uint8_t mode = 0; mode < 2; mode++) {
        char name[32];
        snprintf(name, sizeof name, "empty-%d", mode);
        save(argv[1], name, bytes, make_log(bytes, mode, 1, 0, 0));
        snprintf(name, sizeof name, "snapshot-%d", mode);
        save(argv[1], name, bytes, make_log(bytes, mode, 100, 105, 105));
        size_t size = make_log(bytes, mode, 100, 103, 112);
        snprintf(name, sizeof name, "records-%d", mode);
        save(argv[1], name, bytes, size);
        snprintf(name, sizeof name, "torn-%d", mode);
        save(argv[1], name, bytes, size - 9);
        bytes[size / 2] ^= 0x10;
        snprintf(name, sizeof name, "damaged-%d", mode);
        save(argv[1], name, bytes, size);
    }
    for (uint8_t kind = 0; kind < 4; kind++) {
        uint8_t mutation[1 + 16 + 6] = {2};
        char name[32];
        for (uint8_t i = 0; i < 16; i++)
            mutation[1 + i] = (uint8_t)(i * 53);
        memcpy(mutation + 17, (const uint8_t[]){kind, 0x80, 1, 0x40, 2, 40}, 6);
        snprintf(name, sizeof name, "mutation-%d", kind);
        save(argv[1], name, mutation, sizeof mutation);
    }
    return 0;
}
