/* Refusals of changes, in words: see refused.h. */
#include "client/refused.h"

#include <stdio.h>
#include <string.h>

#include "client/agent.h"

enum { TEXT_MAX = 1536 };

static void token_moved(char text[TEXT_MAX], const json_t *p)
{
    snprintf(text, TEXT_MAX,
             json_flag(p, "forgotten")
                 ? "it was forgotten since, and perhaps granted before: its token is %lld"
                 : "somebody was granted it since: its token is %lld",
             json_number(p, "token"));
}

static void deadlock(char text[TEXT_MAX], const json_t *p)
{
    char parties[TEXT_MAX / 2];
    agent_parties(parties, sizeof parties, json_object_get(p, "holders"));
    snprintf(text, TEXT_MAX,
             "a deadlock: %s waits to be converted until this hold ends: release it, or convert it "
             "down",
             *parties ? parties : "another holder");
}

static void unstable(char text[TEXT_MAX], const json_t *p)
{
    char parties[TEXT_MAX / 2];
    agent_parties(parties, sizeof parties, json_object_get(p, "holders"));
    snprintf(text, TEXT_MAX, "%s%s%s", json_text(p, "reason"), *parties ? "; held by " : "",
             parties);
}

static void too_long(char text[TEXT_MAX], const json_t *p)
{
    snprintf(text, TEXT_MAX, "the %s is too long: it may have %lld bytes", json_text(p, "what"),
             json_number(p, "most"));
}

static void no_node(char text[TEXT_MAX], const json_t *p)
{
    snprintf(text, TEXT_MAX, "the roster names no node '%.64s': see 'holdfast members'",
             json_text(p, "node"));
}

static void invalid(char text[TEXT_MAX], const json_t *p)
{
    const char *parameter = json_text(p, "parameter");
    if (strcmp(parameter, "stamp") == 0)
        snprintf(text, TEXT_MAX, "this is not a stamp as 'holdfast stamp' prints it");
    else
        snprintf(text, TEXT_MAX, "the agent does not take this '%s'", parameter);
}

/* With `words` the text is these; else it is made of the parameters. */
static const struct {
    const char *error; /* with its interface */
    const char *words;
    void (*write)(char text[TEXT_MAX], const json_t *parameters);
    int code;
} refusals[] = {
    {AGENT_INTERFACE "TokenMoved", NULL, token_moved, EXIT_NOT_GRANTED},
    {AGENT_INTERFACE "Deadlock", NULL, deadlock, EXIT_NOT_GRANTED},
    {AGENT_INTERFACE "ChangeUnderWay", "an earlier change of this hold is under way: try it later",
     NULL, EXIT_NOT_GRANTED},
    {AGENT_INTERFACE "Unstable", NULL, unstable, EXIT_NOT_GRANTED},
    {AGENT_INTERFACE "NotWriter",
     "the hold's mode does not write: convert it to CW, PW or exclusive first", NULL, EXIT_ERROR},
    {AGENT_INTERFACE "OtherMark", "the lock bears no such mark (any more)", NULL, EXIT_ERROR},
    {AGENT_INTERFACE "NoSuchWaiter", "nobody waits for it under that id (any more)", NULL,
     EXIT_ERROR},
    {AGENT_INTERFACE "TooLong", NULL, too_long, EXIT_USAGE},
    {AGENT_INTERFACE "NoSuchNode", NULL, no_node, EXIT_ERROR},
    {"org.varlink.service.InvalidParameter", NULL, invalid, EXIT_USAGE},
};

int refused_change(const struct varlink_reply *reply, const char *subject)
{
    char text[TEXT_MAX];
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (strcmp(reply->error, refusals[i].error) != 0)
            continue;
        if (refusals[i].write)
            refusals[i].write(text, reply->parameters);
        if (refusals[i].write == no_node)
            subject = NULL; /* the text has it */
        say("%s%s%s", subject ? subject : "", subject ? ": " : "",
            refusals[i].write ? text : refusals[i].words);
        return refusals[i].code;
    }
    return -1;
}
