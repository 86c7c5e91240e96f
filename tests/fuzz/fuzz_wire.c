/* An opened datagram's messages: whatever decodes has one encoding, the bytes it was read from. */
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[MESSAGE_MAX + MESSAGE_HEADER];
    struct reader r = reader_init(data, size);
    struct message m;
    while (reader_left(&r) > 0) {
        const uint8_t *start = r.at;
        if (!wire_decode(&m, &r))
            return 0;
        size_t used = (size_t)(r.at - start);
        struct writer w = writer_init(again, sizeof again);
        wire_encode(&w, &m);
        if (w.failed || writer_size(&w) != used || memcmp(again, start, used) != 0)
            __builtin_trap();
    }
    return 0;
}
