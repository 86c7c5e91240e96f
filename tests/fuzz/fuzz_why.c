/*
 * The explanation of a lock, over arbitrary JSON: whatever an agent says, there is an explanation
 * of the promised shape, and no state that the protocol's rules could not be applied to gets to
 * them (their must() would say so).
 */
#include <stdint.h>

#include "client/member_text.h"
#include "client/why.h"
#include "proto/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const json_t *list)
{
    const json_t *line;
    size_t index;
    must(json_is_array(list));
    json_array_foreach(list, index, line)
    {
        must(json_string_length(line) > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_object_seed(1); /* the same input takes the same way each time */
    json_t *facts = json_loadb((const char *)data, size, 0, NULL);
    if (!facts)
        return 0;
    json_t *out = why_explain(facts);
    must(out);
    must(json_is_boolean(json_object_get(out, "known")));
    must(json_array_size(json_object_get(out, "next")) > 0);
    check_lines(json_object_get(out, "text"));
    check_lines(json_object_get(out, "next"));
    (void)member_hold_life(json_string_value(json_object_get(facts, "name")) ?: "");
    json_decref(out);
    json_decref(facts);
    return 0;
}
