/*
 * A fence log from anywhere: its chain, and the step in each of its records. No read outside; what
 * is good ends where the reader says, and stays good up to there; a step that is read has one form.
 * Bytes that begin with 0xff are one step by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/chain.h"
#include "proto/fence_step.h"
#include "proto/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_step(struct view bytes)
{
    static uint8_t again[FENCE_STEP_BYTES_MAX];
    struct fence_step step;
    struct writer w = writer_init(again, sizeof again);
    if (!fence_step_decode(&step, bytes))
        return;
    must(strcmp(fence_step_word(step.kind), "none") != 0);
    fence_step_encode(&w, &step);
    must(!w.failed && writer_size(&w) == bytes.size);
    must(memcmp(again, bytes.bytes, bytes.size) == 0);
}

static size_t read_all(const uint8_t *data, size_t size, enum chain_verdict *verdict, size_t *at)
{
    struct chain_reader reader;
    struct chain_record record, peeked;
    size_t count = 0, before;
    *verdict = chain_open(&reader, data, size);
    before = reader.at;
    while (*verdict == CHAIN_END && (*verdict = chain_next(&reader, &record)) == CHAIN_RECORD) {
        must(record.payload >= data && record.payload + record.size <= data + size);
        must(chain_peek(data, size, before, &peeked) && peeked.seq == record.seq);
        check_step((struct view){record.payload, record.size});
        before = reader.at;
        count++;
        *verdict = CHAIN_END;
    }
    *at = reader.at;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum chain_verdict verdict, again;
    size_t at, same;
    if (size > 0 && data[0] == 0xff) {
        struct view list = {data + 1, size - 1}, one;
        check_step(list);
        while (fence_steps_next(&list, &one))
            check_step(one);
        return 0;
    }
    size_t count = read_all(data, size, &verdict, &at);
    must(at <= size);
    if (at > 0) {
        must(read_all(data, at, &again, &same) == count);
        must(again == CHAIN_END && same == at);
    }
    return 0;
}
