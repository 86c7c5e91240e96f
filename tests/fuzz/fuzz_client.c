/* What the agent reads about clients: a holder out of the store, a process's cgroup out of /proc,
 * and the id of a hold out of a call. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/cgroup.h"
#include "node/holder.h"
#include "node/render_hold.h"
#include "proto/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is what would be written. */
static void holder(struct view bytes)
{
    struct holder h;
    uint8_t again[HOLDER_BYTES_MAX];
    if (!holder_decode(&h, bytes))
        return;
    size_t size = holder_encode(again, &h);
    must(size == bytes.size && memcmp(again, bytes.bytes, size) == 0);
}

static void hold(const char *text)
{
    struct op_id id;
    if (render_parse_hold(&id, text))
        must(strcmp(render_hold(id).text, text) == 0);
}

static void cgroup(const char *text)
{
    char path[64];
    if (cgroup_parse(path, sizeof path, text))
        must(path[0] == '/' && strstr(text, path) && !strchr(path, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size);
    must(text);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] % 3 == 0)
        holder((struct view){data + 1, size - 1});
    else if (data[0] % 3 == 1)
        hold(text);
    else
        cgroup(text);
    free(text);
    return 0;
}
