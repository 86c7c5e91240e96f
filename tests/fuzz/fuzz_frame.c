/*
 * The API's framing, over arbitrary bytes: cut into messages as the server cuts them, parsed as
 * calls, and checked against parameters like those of Acquire. Whatever comes, nothing is read
 * beyond the bytes, a call that parses has a method, and checked parameters have the types that
 * they were checked for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/frame.h"
#include "proto/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct frame_parameter list[] = {
    {"name", FRAME_STRING, true},     {"mode", FRAME_STRING, false},  {"try", FRAME_BOOL, false},
    {"timeout_ms", FRAME_INT, false}, {"stale", FRAME_STRING, false}, {"pid", FRAME_INT, false},
    {"names", FRAME_STRINGS, false},
};
enum { LIST = sizeof list / sizeof *list };

static void use(const struct frame_call *call)
{
    must(call->method && memchr(call->method, '\0', FRAME_MAX));
    must(!call->parameters || json_is_object(call->parameters));
    must(!(call->oneway && call->more));
    const char *bad = frame_check(call->parameters, list, LIST);
    if (bad) {
        must(strlen(bad) < FRAME_MAX);
        return;
    }
    must(frame_string(call->parameters, "name", NULL));
    must(frame_string(call->parameters, "mode", "exclusive"));
    (void)frame_int(call->parameters, "timeout_ms", 0);
    (void)frame_bool(call->parameters, "try", false);
    const json_t *names = frame_strings(call->parameters, "names");
    for (size_t i = 0; i < json_array_size(names); i++)
        must(json_string_value(json_array_get(names, i)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;
    json_object_seed(1); /* the same input takes the same way each time */
    while (frame_find(data, size, &length) == FRAME_WHOLE) {
        struct frame_call call;
        const char *why = NULL;
        must(length < size && data[length] == '\0' && length <= FRAME_MAX);
        if (frame_call_parse(&call, data, length, &why))
            use(&call);
        else
            must(why && !call.root);
        frame_call_free(&call);
        data += length + 1;
        size -= length + 1;
    }
    return 0;
}
