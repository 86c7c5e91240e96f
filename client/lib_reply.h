/*
 * What the agent says, taken apart: replies of varlink go in, plain values come out. No socket and
 * no state, so that it can be fuzzed. A member that is missing, or of another type, reads as empty
 * or 0 where that does no harm; where it would (a grant without an id) the reply is refused.
 */
#ifndef CLIENT_LIB_REPLY_H
#define CLIENT_LIB_REPLY_H

#include "client/holdfast.h"
#include "client/varlink.h"

#define LIB_INTERFACE "org.holdfast."

enum {
    LIB_ID_SIZE = 64,      /* "SLOT.LIFE.COUNTER": three numbers of at most 20 digits */
    LIB_TEXT_SIZE = 1024,  /* a line for a person; cut where it is longer */
    LIB_SECRET_SIZE = 128, /* of a session; the agent's has 64 digits */
    LIB_SESSION_SIZE = 64  /* its name; the agent's has 16 */
};

/* A lock's name as the API knows it: "shared" and so on. Static. */
const char *lib_mode_text(enum hf_mode mode);
/* HF_OTHER for what is none of them. */
enum hf_mode lib_mode_parse(const char *text);

/* Whether the reply is this error of org.holdfast. */
bool lib_reply_is(const struct varlink_reply *reply, const char *error);
/* What an error reply means; `detail` says more about it. */
enum hf_result lib_reply_error(const struct varlink_reply *reply, char detail[LIB_TEXT_SIZE]);

struct lib_party {
    struct hf_party party;
    unsigned char data[HF_DATA_MAX]; /* party.data */
};

/* A "waiting" reply to Acquire or Convert. */
struct lib_waiting {
    struct hf_waiting told;
    char id[LIB_ID_SIZE];     /* of the request; "" if it has none yet */
    char text[LIB_TEXT_SIZE]; /* told.text */
    struct lib_party *parties;
    const struct hf_party **list; /* told.holders: into `parties` */
};

/* False: out of memory. Its strings are those of `p`, and end with it. */
bool lib_waiting_init(struct lib_waiting *out, const json_t *p);
void lib_waiting_deinit(struct lib_waiting *waiting);

struct lib_grant {
    char id[LIB_ID_SIZE];
    uint64_t token;
    bool unclean; /* `mark` is filled */
    struct hf_unclean mark;
    bool has_value; /* `value` is filled */
    struct hf_value value;
};

/* The last reply to an Acquire that was granted. False: it is none. */
bool lib_reply_grant(struct lib_grant *out, const json_t *p);
/* The same of an AcquireAll of `count` locks: fills the one of `index`, in the order of the names.
 */
bool lib_reply_grant_of(struct lib_grant *out, const json_t *p, size_t count, size_t index);

/* The last reply to a Convert that was made. False: it is none. */
struct lib_conversion {
    enum hf_mode mode;
    uint64_t token;
};
bool lib_reply_conversion(struct lib_conversion *out, const json_t *p);

/* A reply to Stamp. False: it is none. */
bool lib_reply_stamp(struct hf_stamp *out, const json_t *p);
/* A reply to Validate. False: it is none. */
bool lib_reply_valid(bool *valid, const json_t *p);

enum { LIB_EVENT_NONE, LIB_EVENT_PASSED = -1 };
struct lib_event {
    int kind; /* an hf_event_kind; or of these two: nothing of interest, handed over */
    char id[LIB_ID_SIZE];
    enum hf_mode mode;
    char reason[sizeof((struct hf_event *)0)->reason];
};

/* A reply to Watch. False: it is none. */
bool lib_reply_event(struct lib_event *out, const json_t *p);

/* A reply to OpenSession, or to JoinSession: `secret` is then left as it is. False: it is none. */
struct lib_session {
    char name[LIB_SESSION_SIZE];
    char secret[LIB_SECRET_SIZE];
    bool resumed;
};
bool lib_reply_session(struct lib_session *out, const json_t *p);

/* One of List's operations. */
enum lib_operation_state {
    LIB_OPERATION_ASKED,
    LIB_OPERATION_HELD,
    LIB_OPERATION_CONVERTING, /* held, in one mode or the other */
    LIB_OPERATION_PASSING,    /* held, or handed over already */
    LIB_OPERATION_DROPPING
};
struct lib_operation {
    char id[LIB_ID_SIZE];
    const char *name; /* of the lock, the reply's own */
    enum lib_operation_state state;
    struct lib_conversion now; /* its mode and its token */
    int64_t left_ms;           /* under `expire`: so long for sure; else 0 */
};
/* False: it is of another session than `session`, or has no id. */
bool lib_reply_operation(struct lib_operation *out, const json_t *operation, const char *session);

#endif
