/*
 * What happened on this node, for operators: the last EVENTS_KEPT events, numbered, and those who
 * follow them (method Events). The peer's notices become events and log lines here.
 */
#ifndef NODE_EVENTS_H
#define NODE_EVENTS_H

#include "node/agent.h"
#include "node/varlink.h"

enum { EVENTS_KEPT = 1024, EVENTS_TEXT_SIZE = 384 };

struct events;

/* The agent may be set later, before the first notice. */
struct events *events_new(void);
void events_free(struct events *events);
/* The number of the newest; 0 if there is none. */
uint64_t events_last(const struct events *events);
void events_notice(struct events *events, const struct agent *agent, const struct notice *notice);
/* Something that no notice of the peer tells: about this node itself. */
void events_tell(struct events *events, const char *node, const char *kind, const char *text);
/*
 * A reader's place in the row: the events of this run of the agent with a seq above `after`. An id,
 * "START:SEQ", names it over restarts: of another start, all that is kept here is news.
 */
enum { EVENTS_ID_SIZE = 48 };
struct events_place {
    uint64_t after;
    bool resumed; /* the reader names what it has seen, so what it missed is said (a "gap") */
    bool missed;  /* it was of another start: what came between nobody can tell */
};
/* From an id, or a number alone, of this start. False: it is neither. */
bool events_place_parse(const struct events *events, struct events_place *out, const char *text);

/* `event`: an Event, borrowed. Must not call events_unfollow. */
typedef void (*events_hear)(void *context, const char *id, const json_t *event);
struct events_follower;

/* Tells those kept behind the place, oldest first, within the call; then each as it happens. */
struct events_follower *events_follow(struct events *events, const struct events_place *place,
                                      events_hear tell, void *context);
void events_unfollow(struct events_follower *follower);

/*
 * Answers Events: with `more` as events_follow; without, the first behind the place, or one with
 * seq 0 and nothing in it if there is none.
 */
void events_stream(struct events *events, struct varlink_call *call,
                   const struct events_place *place);
/* []Event: the newest `most` of those kept, oldest first. */
json_t *events_recent(const struct events *events, size_t most);

#endif
