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
 * Answers Events: with `more` those kept with a seq above `after`, then each as it happens;
 * without, the first of those kept, or one with seq 0 and nothing in it if there is none.
 */
void events_stream(struct events *events, struct varlink_call *call, int64_t after);

#endif
