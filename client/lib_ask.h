/* Calls that wait: asked until they are answered for good. See lib_ask.c. */
#ifndef CLIENT_LIB_ASK_H
#define CLIENT_LIB_ASK_H

#include <limits.h>

#include "client/lib.h"

enum lib_answer {
    LIB_ANSWER_FINAL,
    LIB_ANSWER_AGAIN /* it says nothing that holds any more: to be asked again */
};

struct lib_ask;

struct lib_ask_kind {
    const char *method;
    bool fixed; /* cannot be given up before its time: the agent would go on with it */
    /* What the method takes, but for mode, limit, try and timeout_ms. */
    json_t *(*parameters)(const struct lib_ask *ask);
    /* The last reply, if it is none of an error. Calls lib_ask_end(). */
    enum lib_answer (*granted)(struct lib_ask *ask, unsigned generation, const json_t *p,
                               enum hf_result *result);
    /* It is an error, which has become the call's result. */
    enum lib_answer (*refused)(struct lib_ask *ask, const struct varlink_reply *reply);
};

struct lib_ask {
    struct hf *hf;
    const struct lib_ask_kind *kind;
    const struct hf_options *options;
    bool try;
    int64_t deadline_ms; /* INT64_MAX: never */
    unsigned cancels;    /* before it began */
    int64_t give_up_ms;  /* when too much has gone wrong since the agent was last heard of this;
                            INT64_MAX: nothing has */
    bool gave_up;        /* the waiting callback wants no more */
    unsigned attempts;
    struct lib_call call;
    struct hf_hold **holds; /* to be granted, or the one to be converted: call.count of them */
};

/* Takes what this library knows of a struct of any age, and checks what both calls take; what it
 * does not know must be empty. NULL: all is zero. */
enum hf_result lib_ask_options(struct hf_options *out, const struct hf_options *options);
/* For `count` locks, each with its name and its hold. What it points at outlives it. */
void lib_ask_init(struct lib_ask *ask, const char *const *names, struct hf_hold **holds,
                  size_t count);
/* Asks, as `kind` does it; `options` were taken by lib_ask_options(). */
enum hf_result lib_ask_run(struct lib_ask *ask, const struct lib_ask_kind *kind,
                           const struct hf_options *options, bool try);
/* With `lock` held: the call has its last answer. */
void lib_ask_end(struct lib_ask *ask);

#endif
