/* Writes seeds for fuzz_chain to DIR/chain/: a log of all steps, torn and broken; each step alone.
 */
#include "crypto/chain.h"
#include "tests/fuzz/seed_files.h"
#include "tests/unit/step_sample.h"

int main(int argc, char **argv)
{
    static uint8_t file[65536], one[FENCE_STEP_BYTES_MAX + 1];
    static const struct chain_head head = {{{7}}, 3, 1, {{0}}};
    char name[64];
    struct chain_tip tip = chain_begin(file, &head);
    size_t size = CHAIN_HEADER_SIZE;
    seed_begin(argc, argv, "chain");
    for (int kind = FENCE_STEP_NONE + 1; kind < FENCE_STEP_KINDS_END; kind++) {
        struct fence_step step = step_sample((enum fence_step_kind)kind);
        struct writer w = writer_init(one, sizeof one);
        uint8_t record[CHAIN_RECORD_MAX];
        write_u8(&w, 0xff);
        fence_step_encode(&w, &step);
        snprintf(name, sizeof name, "step-%d", kind);
        seed_file(name, one, writer_size(&w));
        size_t added = chain_add(record, &tip, 1000, one + 1, writer_size(&w) - 1);
        memcpy(file + size, record, added);
        size += added;
    }
    seed_file("whole", file, size);
    seed_file("torn", file, size - 5);
    file[size / 2] ^= 1;
    seed_file("broken", file, size);
    return 0;
}
