/*
 * What the agent and the executor say to each other, from either end: what decodes encodes to the
 * same bytes, and a request's views lie within its packet. The executor's file of acts the same.
 */
#include <stdlib.h>
#include <string.h>

#include "node/acts.h"
#include "node/executor_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct view v, const uint8_t *data, size_t size)
{
    if (v.size && (v.bytes < data || v.bytes + v.size > data + size))
        abort();
}

static void look_request(const uint8_t *data, size_t size)
{
    struct executor_request request;
    uint8_t again[EXECUTOR_REQUEST_MAX];
    if (!executor_request_decode(&request, data, size))
        return;
    inside(request.info, data, size);
    inside(request.cert, data, size);
    if (executor_request_encode(again, &request) != size || memcmp(again, data, size) != 0)
        abort();
}

static void look_answer(const uint8_t *data, size_t size)
{
    struct executor_answer answer;
    uint8_t again[EXECUTOR_ANSWER_MAX];
    if (!executor_answer_decode(&answer, data, size))
        return;
    if (executor_answer_encode(again, &answer) != size || memcmp(again, data, size) != 0)
        abort();
}

static void look_acts(const uint8_t *data, size_t size)
{
    static struct acts_table table;
    static uint8_t again[ACTS_FILE_MAX];
    static const struct cluster_id cluster = {{0xc1}};
    if (!acts_decode(&table, &cluster, data, size))
        return;
    if (acts_encode(again, &table, &cluster) != size || memcmp(again, data, size) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    look_request(data, size);
    look_answer(data, size);
    look_acts(data, size);
    return 0;
}
