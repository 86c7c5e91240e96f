/*
 * What the programs that write seeds share: DIR/WHAT/NAME holds one seed. Whatever fails ends the
 * program, with a word.
 */
#ifndef TESTS_FUZZ_SEED_FILES_H
#define TESTS_FUZZ_SEED_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED_PATH = 4096 };

/* The program's only argument is DIR: makes DIR/`what`, and goes there. */
static void seed_begin(int argc, char **argv, const char *what)
{
    static char path[SEED_PATH];
    if (argc != 2) {
        fprintf(stderr, "usage: seed_%s DIR\n", what);
        exit(64);
    }
    snprintf(path, sizeof path, "%s/%s", argv[1], what);
    mkdir(path, 0777);
    if (chdir(path) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

static void seed_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(name, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(name);
        exit(EXIT_FAILURE);
    }
}

#endif
