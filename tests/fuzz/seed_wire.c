/* Writes seeds for fuzz_wire into DIR/wire: one message of each type, and all of them in a row. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/unit/wire_sample.h"

static void save(const char *dir, const char *name, const uint8_t *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/wire/%s", dir, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static void make_dir(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 64;
    }
    char path[4096];
    make_dir(argv[1]);
    snprintf(path, sizeof path, "%s/wire", argv[1]);
    make_dir(path);

    static uint8_t bytes[16384];
    struct writer all = writer_init(bytes, sizeof bytes);
    for (int type = WIRE_NONE + 1; type < WIRE_TYPES; type++) {
        uint8_t *start = all.at;
        struct message m = wire_sample((enum wire_type)type);
        wire_encode(&all, &m);
        save(argv[1], wire_name(m.type), start, (size_t)(all.at - start));
    }
    save(argv[1], "all", bytes, writer_size(&all));
    return all.failed;
}
