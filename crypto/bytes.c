/* Byte cursors: see bytes.h. */
#include "crypto/bytes.h"

void read_copy(struct reader *r, void *out, size_t size)
{
    const uint8_t *p = read_view(r, size);
    if (p && size)
        memcpy(out, p, size);
    else if (size)
        memset(out, 0, size);
}

void write_padded(struct writer *w, const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    write_copy(w, text, length);
    for (size_t i = length; i < size; i++)
        write_u8(w, 0);
}
