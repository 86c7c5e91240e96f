/* Varlink's framing and the shape of a call. Pure but for jansson's memory, so that it can be
 * fuzzed. */
#include "node/frame.h"

#include <string.h>

enum frame_verdict frame_find(const void *bytes, size_t size, size_t *length)
{
    size_t reach = size > FRAME_MAX + 1 ? FRAME_MAX + 1 : size;
    const char *end = reach ? memchr(bytes, '\0', reach) : NULL;
    if (!end)
        return size > FRAME_MAX ? FRAME_TOO_LONG : FRAME_PARTIAL;
    *length = (size_t)(end - (const char *)bytes);
    return FRAME_WHOLE;
}

/* Takes one flag of a call. False if it is not a boolean. */
static bool frame_flag(bool *out, const json_t *value)
{
    *out = json_is_true(value);
    return json_is_boolean(value);
}

/* NULL if the object has a call's members and no others; else why not. */
static const char *frame_call_members(struct frame_call *out)
{
    const char *key;
    json_t *value;
    json_object_foreach(out->root, key, value)
    {
        if (strcmp(key, "method") == 0) {
            if (!json_is_string(value))
                return "method is not a string";
            out->method = json_string_value(value);
        } else if (strcmp(key, "parameters") == 0) {
            if (!json_is_object(value) && !json_is_null(value))
                return "parameters are not an object";
            out->parameters = json_is_object(value) ? value : NULL;
        } else if (strcmp(key, "oneway") == 0) {
            if (!frame_flag(&out->oneway, value))
                return "oneway is not a boolean";
        } else if (strcmp(key, "more") == 0) {
            if (!frame_flag(&out->more, value))
                return "more is not a boolean";
        } else if (strcmp(key, "upgrade") == 0) {
            if (!frame_flag(&out->upgrade, value))
                return "upgrade is not a boolean";
        } else {
            return "a member that calls do not have";
        }
    }
    if (!out->method)
        return "no method";
    return out->oneway && out->more ? "oneway and more exclude each other" : NULL;
}

bool frame_call_parse(struct frame_call *out, const void *bytes, size_t length, const char **why)
{
    json_error_t error;
    *out = (struct frame_call){0};
    out->root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
    if (!out->root)
        *why = "not JSON";
    else if (!json_is_object(out->root))
        *why = "not an object";
    else if ((*why = frame_call_members(out)) == NULL)
        return true;
    frame_call_free(out);
    return false;
}

void frame_call_free(struct frame_call *call)
{
    json_decref(call->root);
    *call = (struct frame_call){0};
}

static bool frame_are_strings(const json_t *array)
{
    size_t i;
    json_t *value;
    json_array_foreach((json_t *)(uintptr_t)array, i, value)
    {
        if (!json_is_string(value))
            return false;
    }
    return json_is_array(array);
}

static bool frame_is(const json_t *value, enum frame_type type)
{
    switch (type) {
    case FRAME_STRING:
        return json_is_string(value);
    case FRAME_INT:
        return json_is_integer(value);
    case FRAME_BOOL:
        return json_is_boolean(value);
    case FRAME_STRINGS:
        return frame_are_strings(value);
    }
    return false;
}

static const struct frame_parameter *frame_known(const char *name,
                                                 const struct frame_parameter *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i].name) == 0)
            return &list[i];
    return NULL;
}

const char *frame_check(const json_t *parameters, const struct frame_parameter *list, size_t count)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)parameters, key, value)
    {
        const struct frame_parameter *known = frame_known(key, list, count);
        bool absent = known && !known->needed && json_is_null(value);
        if (!known || (!absent && !frame_is(value, known->type)))
            return key;
    }
    for (size_t i = 0; i < count; i++)
        if (list[i].needed && !frame_has(parameters, list[i].name))
            return list[i].name;
    return NULL;
}

bool frame_has(const json_t *parameters, const char *name)
{
    const json_t *value = json_object_get(parameters, name);
    return value && !json_is_null(value);
}

const char *frame_string(const json_t *parameters, const char *name, const char *otherwise)
{
    return frame_has(parameters, name) ? json_string_value(json_object_get(parameters, name))
                                       : otherwise;
}

int64_t frame_int(const json_t *parameters, const char *name, int64_t otherwise)
{
    return frame_has(parameters, name) ? json_integer_value(json_object_get(parameters, name))
                                       : otherwise;
}

bool frame_bool(const json_t *parameters, const char *name, bool otherwise)
{
    return frame_has(parameters, name) ? json_is_true(json_object_get(parameters, name))
                                       : otherwise;
}

const json_t *frame_strings(const json_t *parameters, const char *name)
{
    return frame_has(parameters, name) ? json_object_get(parameters, name) : NULL;
}
