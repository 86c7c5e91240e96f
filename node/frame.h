/*
 * Varlink's framing and the shape of a call (https://varlink.org/Method-Call), without a socket:
 * one JSON object, then one NUL. Also the check of a method's parameters against what it takes.
 *
 * Everything here meets bytes of strangers (T4): a message is bounded, parsing is strict (no
 * duplicate keys, no bad UTF-8, nothing unknown), and a refusal says what was wrong.
 */
#ifndef NODE_FRAME_H
#define NODE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum { FRAME_MAX = 64 * 1024 }; /* bytes of one message, without its NUL */

enum frame_verdict {
    FRAME_PARTIAL, /* no NUL yet: read on */
    FRAME_WHOLE,
    FRAME_TOO_LONG
};

/* Looks for the first message; on FRAME_WHOLE *length is its size, and its NUL is at
 * bytes[*length]. */
enum frame_verdict frame_find(const void *bytes, size_t size, size_t *length);

struct frame_call {
    json_t *root;             /* the call's own: frame_call_free */
    const char *method;       /* "interface.Method"; the root's */
    const json_t *parameters; /* an object, or NULL if there are none; the root's */
    bool oneway;
    bool more;
    bool upgrade;
};

/*
 * Parses one message. False: it is no call, *why (static) says why, and *out is empty. What sends
 * such a thing does not speak varlink.
 */
bool frame_call_parse(struct frame_call *out, const void *bytes, size_t length, const char **why);
void frame_call_free(struct frame_call *call);

enum frame_type { FRAME_STRING, FRAME_INT, FRAME_BOOL, FRAME_STRINGS };

struct frame_parameter {
    const char *name;
    enum frame_type type;
    bool needed; /* else it may be absent or null */
};

/* NULL if `parameters` (may be NULL) are all of `list`'s and of its types; else the name of the
 * first that is not, which lives as long as both. */
const char *frame_check(const json_t *parameters, const struct frame_parameter *list, size_t count);

/* Values of checked parameters; the default if absent or null. */
const char *frame_string(const json_t *parameters, const char *name, const char *otherwise);
int64_t frame_int(const json_t *parameters, const char *name, int64_t otherwise);
bool frame_bool(const json_t *parameters, const char *name, bool otherwise);
/* An array of strings; NULL if absent or null. */
const json_t *frame_strings(const json_t *parameters, const char *name);
bool frame_has(const json_t *parameters, const char *name);

#endif
