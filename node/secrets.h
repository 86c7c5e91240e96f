/*
 * A device's secrets: a file of lines `name=value`, as fence agents take them, that nobody but the
 * executor's user can read. What is in it goes to a driver's standard input or environment and
 * nowhere else: not into an argument, a log, an event, an order; what a driver prints of it is
 * masked.
 */
#ifndef NODE_SECRETS_H
#define NODE_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SECRETS_FILE_MAX = 4096,
    SECRETS_MAX = 16,
    SECRETS_MASK_LEAST = 3, /* bytes: a shorter value is masked nowhere, it would mask everything */
    SECRETS_WHY_SIZE = 512
};

struct secrets {
    size_t count;
    const char *names[SECRETS_MAX];
    const char *values[SECRETS_MAX];
    char text[SECRETS_FILE_MAX + 1]; /* what these point into */
};

/* Reads the file. On false `why` says what is wrong and what to do; *out is empty. */
bool secrets_load(struct secrets *out, const char *path, char why[SECRETS_WHY_SIZE]);
/* Takes the text of such a file apart, in place. False if it is none. *out must not move after. */
bool secrets_parse(struct secrets *out, size_t size);
/* NULL if there is none of this name. */
const char *secrets_find(const struct secrets *secrets, const char *name);
/* Replaces each value in `text` by stars, also one that was cut off at its end. The new size. */
size_t secrets_mask(const struct secrets *secrets, char *text, size_t size);
void secrets_wipe(struct secrets *secrets);

#endif
