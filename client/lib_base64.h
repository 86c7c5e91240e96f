/* Base64 as the API writes bytes (RFC 4648, section 4: with padding, without line breaks). */
#ifndef CLIENT_LIB_BASE64_H
#define CLIENT_LIB_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Room for the text of `size` bytes, with its NUL. */
#define LIB_BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)

/* `out` has LIB_BASE64_SIZE(size) bytes. */
void lib_base64_encode(char *out, const void *bytes, size_t size);
/* Fills `out` with at most `most` bytes. False: it is no such text, or more; *size is then 0. */
bool lib_base64_decode(void *out, size_t most, size_t *size, const char *text);

#endif
