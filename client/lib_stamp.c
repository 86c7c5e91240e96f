/* The optimistic read: a stamp before, a look at it after. */
#include <string.h>

#include "client/lib.h"

enum { STAMP_MS = 5000 }; /* of a look that names no time */

/* One look; on HF_OK *out is the reply's parameters, the caller's to json_decref. */
static enum hf_result look(struct hf *hf, const char *method, json_t *p, int64_t timeout_ms,
                           json_t **out)
{
    struct varlink_reply reply;
    bool again;
    int64_t asked_ms = timeout_ms > 0 ? timeout_ms : STAMP_MS;
    int64_t until_ms =
        lib_after_ms(asked_ms < INT64_MAX - LIB_LATE_MS ? asked_ms + LIB_LATE_MS : INT64_MAX);
    json_object_set_new(p, "timeout_ms", json_integer(asked_ms));
    enum hf_result result = lib_request(hf, method, p, until_ms, &reply, &again);
    if (result != HF_OK)
        return result;
    *out = reply.parameters;
    if (reply.error[0] == '\0')
        return HF_OK;
    result = lib_fail_reply(&reply);
    json_decref(reply.parameters);
    return result;
}

static enum hf_result check(struct hf *hf, const char *name, size_t size, int64_t timeout_ms)
{
    enum hf_result result = lib_check_process(hf);
    if (result == HF_OK)
        result = lib_check_name(name);
    if (result == HF_OK && size < sizeof(struct hf_stamp))
        result = lib_fail(HF_BAD_OPTION, "size: %zu is not that of a struct hf_stamp", size);
    if (result == HF_OK && timeout_ms < 0)
        result = lib_fail(HF_BAD_OPTION, "timeout_ms: %lld is negative", (long long)timeout_ms);
    return result;
}

enum hf_result hf_stamp(struct hf *hf, const char *name, int64_t timeout_ms, struct hf_stamp *out)
{
    size_t size = out->size;
    json_t *said;
    enum hf_result result = check(hf, name, size, timeout_ms);
    if (result == HF_OK)
        result =
            look(hf, LIB_INTERFACE "Stamp", json_pack("{s:s}", "name", name), timeout_ms, &said);
    if (result != HF_OK)
        return result;
    memset(out, 0, size);
    if (!lib_reply_stamp(out, said))
        result = lib_fail(HF_GARBLED, "the agent's answer to Stamp is not understood");
    out->size = size;
    json_decref(said);
    return result;
}

enum hf_result hf_validate(struct hf *hf, const char *name, const struct hf_stamp *stamp,
                           int64_t timeout_ms)
{
    bool valid;
    json_t *said;
    enum hf_result result = check(hf, name, stamp->size, timeout_ms);
    if (result == HF_OK) {
        json_t *p = json_pack("{s:s, s:s}", "name", name, "stamp", stamp->stamp);
        result = look(hf, LIB_INTERFACE "Validate", p, timeout_ms, &said);
    }
    if (result != HF_OK)
        return result;
    if (!lib_reply_valid(&valid, said))
        result = lib_fail(HF_GARBLED, "the agent's answer to Validate is not understood");
    else if (!valid)
        result = lib_fail(HF_MOVED, "somebody may have written since the stamp");
    json_decref(said);
    return result;
}
