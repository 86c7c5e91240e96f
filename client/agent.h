/*
 * Talking to the local agent on behalf of a subcommand: every failure becomes one line on stderr
 * and the exit code that scripts expect.
 */
#ifndef CLIENT_AGENT_H
#define CLIENT_AGENT_H

#include "client/command.h"
#include "client/varlink.h"

#define AGENT_INTERFACE "org.holdfast."

/* A plain question is answered out of the agent's memory; one that is not in this time is stuck. */
enum { AGENT_TIMEOUT_MS = 5000 };

/* Connects to cli->socket: EXIT_OK, or the code after saying why not. */
int agent_open(struct varlink *v, const struct cli *cli);
/* Says what is wrong with the connection; returns the code. */
int agent_failed(const struct cli *cli, enum varlink_status status);
/*
 * Says what an error reply means; `subject` is what the call was about (a lock's name, say) or
 * NULL. Returns the code.
 */
int agent_refused(const struct varlink_reply *reply, const char *subject);
/*
 * The same for a reply that may be NotReady. An agent that just started cannot be ready without a
 * majority, so it is asked whether it sees one: then that is the answer, and the code is
 * EXIT_NO_MAJORITY. The connection must be free.
 */
int agent_unready(struct varlink *v, const struct varlink_reply *reply, const char *subject);
/* Calls org.holdfast.METHOD; `parameters` is stolen (NULL: none). On EXIT_OK `out` is the caller's
 * to json_decref. */
int agent_call(struct varlink *v, const struct cli *cli, const char *method, json_t *parameters,
               json_t **out);
/*
 * Calls it with `more`, and hands each reply's parameters to `take` until that is false, the
 * replies end, or one is an error.
 */
typedef bool (*agent_take)(const struct cli *cli, const json_t *parameters);
int agent_follow(struct varlink *v, const struct cli *cli, const char *method, json_t *parameters,
                 agent_take take);
/* Opens, calls once, closes. `subject`, or NULL, is what the question is about. */
int agent_ask_about(const struct cli *cli, const char *subject, const char *method,
                    json_t *parameters, json_t **out);
/* The same about nothing in particular. */
int agent_ask(const struct cli *cli, const char *method, json_t *parameters, json_t **out);

/*
 * A question that a lock's coordinator answers (Show, Stamp, Validate), with `name` among its
 * `parameters` (stolen): opens, calls once, closes. Given up after `wait_ms`.
 */
int agent_ask_lock(const struct cli *cli, const char *method, json_t *parameters, long long wait_ms,
                   json_t **out);

/* Whether the reply is this error of org.holdfast. */
bool agent_error_is(const struct varlink_reply *reply, const char *error);

/* "shared", "counted 3": the mode of a party or an operation. */
enum { AGENT_MODE_SIZE = 32 };
const char *agent_mode(char text[AGENT_MODE_SIZE], const json_t *party);
/* What a party tells about itself: text without control characters as it is, all else as
 * "base64:...", "" if it tells nothing. */
enum { AGENT_DATA_SIZE = 128 };
const char *agent_data(char text[AGENT_DATA_SIZE], const json_t *party);
/* Its stale policy, with the TTL of `expire`: "expire 30s", and what `action` names. */
enum { AGENT_POLICY_SIZE = 192 };
const char *agent_policy(char text[AGENT_POLICY_SIZE], const json_t *party);
/* "hv2 (shared), hv3 (shared)" of a list of parties, cut at `size`; "" for none. */
void agent_parties(char *text, size_t size, const json_t *parties);

/* Members of an object, with an empty value for one that is missing or of another type. */
const char *json_text(const json_t *object, const char *key);
long long json_number(const json_t *object, const char *key);
bool json_flag(const json_t *object, const char *key);

/* Prints the object on one line of stdout and drops it. */
void json_print(json_t *object);

#endif
