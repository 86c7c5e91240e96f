/* Writes seeds for fuzz_relay into DIR/relay: plays in its steps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void save(const char *dir, const char *name, const unsigned char *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/relay/%s", dir, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    /* Sealed; brought to its target twice; then changed. */
    static const unsigned char twice[] = {0x40, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0x40, 1, 0, 1, 2, 9};
    /* To the relay, by its author and by another one; onwards; and by nobody. */
    static const unsigned char handed[] = {0x40, 6, 0, 1, 0, 0, 2, 0, 1, 0, 0, 0xc1, 6, 3, 3, 0, 0};
    static const unsigned char bytes[] = {1, 0, 1, 1, 8, 1, 2, 1, 0, 5, 6, 7, 8};
    /* Something is sent and not answered; questions and answers, right and wrong. */
    static const unsigned char ways[] = {0xa0, 0xff, 0x80, 1,    0x88, 1,    0x98, 2,
                                         0x90, 3,    0xc0, 0xff, 0xff, 0x80, 200};
    char path[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 64;
    }
    snprintf(path, sizeof path, "%s/relay", argv[1]);
    if ((mkdir(argv[1], 0777) != 0 && errno != EEXIST) ||
        (mkdir(path, 0777) != 0 && errno != EEXIST)) {
        perror(path);
        return 1;
    }
    save(argv[1], "twice", twice, sizeof twice);
    save(argv[1], "handed", handed, sizeof handed);
    save(argv[1], "bytes", bytes, sizeof bytes);
    save(argv[1], "ways", ways, sizeof ways);
    return 0;
}
