/*
 * What an agent may say to a client, over arbitrary bytes: cut into replies as the library cuts
 * them, and taken apart as each of its calls would. Whatever comes, nothing is read or written
 * beyond its bounds, strings end, and what is accepted as a grant has an id and a token.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib_reply.h"
#include "proto/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_waiting(const json_t *p)
{
    struct lib_waiting w;
    if (!lib_waiting_init(&w, p))
        return;
    must(memchr(w.id, '\0', sizeof w.id) && strlen(w.told.text) < LIB_TEXT_SIZE);
    for (size_t i = 0; i < w.told.holder_count; i++) {
        const struct hf_party *party = w.told.holders[i];
        must(party->node && party->hold && party->data_size <= HF_DATA_MAX);
    }
    lib_waiting_deinit(&w);
}

static void check_grant(const struct lib_grant *grant)
{
    must(grant->id[0] && memchr(grant->id, '\0', sizeof grant->id) && grant->token > 0);
    must(memchr(grant->mark.node, '\0', sizeof grant->mark.node));
    must(memchr(grant->mark.by, '\0', sizeof grant->mark.by));
    must(memchr(grant->mark.proof, '\0', sizeof grant->mark.proof));
    must(grant->value.byte_count <= HF_VALUE_MAX);
}

static void use_grant(const json_t *p)
{
    struct lib_grant grant;
    size_t count = json_array_size(json_object_get(p, "holds"));
    if (lib_reply_grant(&grant, p))
        check_grant(&grant);
    for (size_t i = 0; i < count; i++)
        if (lib_reply_grant_of(&grant, p, count, i))
            check_grant(&grant);
}

static void use_rest(const json_t *p)
{
    struct lib_event event;
    struct lib_session session = {0};
    struct lib_conversion conversion;
    struct hf_stamp stamp;
    struct lib_operation op;
    bool valid;
    size_t index;
    json_t *operation;
    if (lib_reply_event(&event, p))
        must(memchr(event.id, '\0', sizeof event.id) &&
             memchr(event.reason, '\0', sizeof event.reason));
    if (lib_reply_session(&session, p))
        must(session.name[0] && memchr(session.secret, '\0', sizeof session.secret));
    if (lib_reply_conversion(&conversion, p))
        must(conversion.token > 0 && lib_mode_text(conversion.mode));
    if (lib_reply_stamp(&stamp, p))
        must(stamp.stamp[0] && stamp.value.byte_count <= HF_VALUE_MAX);
    (void)lib_reply_valid(&valid, p);
    json_array_foreach(json_object_get(p, "operations"), index, operation)
    {
        if (lib_reply_operation(&op, operation, "s"))
            must(op.id[0] && op.name);
    }
}

static void use(const struct varlink_reply *reply)
{
    char detail[LIB_TEXT_SIZE];
    if (reply->error[0] != '\0') {
        must(lib_reply_error(reply, detail) != HF_OK);
        must(memchr(detail, '\0', sizeof detail));
    }
    use_waiting(reply->parameters);
    use_grant(reply->parameters);
    use_rest(reply->parameters);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct varlink v = {.fd = -1, .size = size, .room = size};
    struct varlink_reply reply;
    enum varlink_status status;
    json_object_seed(1); /* the same input takes the same way each time */
    v.bytes = malloc(size + 1);
    must(v.bytes);
    memcpy(v.bytes, data, size);
    while ((status = varlink_take(&v, &reply)) != VARLINK_AGAIN) {
        if (status != VARLINK_OK)
            continue; /* a client would close; the next message may be more interesting */
        use(&reply);
        json_decref(reply.parameters);
    }
    varlink_close(&v);
    return 0;
}
