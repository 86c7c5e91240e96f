/*
 * What a log's records, a lock's registers and an order's story say, from anywhere. The first byte
 * chooses what the rest is: a record (0), a lock's state (1), a story (2). What must hold: no read
 * outside, and what decodes encodes to the same bytes, so that each thing has one form.
 */
#include <stdlib.h>

#include "proto/docket.h"
#include "proto/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[RECORD_BYTES_MAX];

static void same(const struct writer *w, struct view bytes)
{
    must(!w->failed && writer_size(w) == bytes.size);
    must(bytes.size == 0 || memcmp(again, bytes.bytes, bytes.size) == 0);
}

static void check_record(struct view bytes)
{
    struct record record;
    struct writer w = writer_init(again, sizeof again);
    if (bytes.size > RECORD_BYTES_MAX || !record_decode(&record, bytes))
        return;
    record_encode(&w, &record);
    same(&w, bytes);
}

static void check_state(struct view bytes)
{
    static struct lock_state state;
    struct writer w = writer_init(again, sizeof again);
    if (!lock_decode(&state, bytes))
        return;
    must(state.hold_count <= LOCK_HOLDS_MAX && state.waiter_count <= LOCK_WAITERS_MAX);
    lock_encode(&w, &state);
    same(&w, bytes);
    must(bytes.size <= LOCK_STATE_BYTES_MAX);
}

static void check_story(struct view bytes)
{
    struct fence_story story;
    struct writer w = writer_init(again, sizeof again);
    if (!story_decode(&story, bytes))
        return;
    must(story.count <= ROSTER_JURORS_MAX);
    story_encode(&w, &story);
    same(&w, bytes);
    must(bytes.size <= STORY_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct view bytes = {data + 1, size - 1};
    if (data[0] % 3 == 0)
        check_record(bytes);
    else if (data[0] % 3 == 1)
        check_state(bytes);
    else
        check_story(bytes);
    return 0;
}
