/*
 * What the agent shows over HTTP, to look at only: the status page, metrics, events as they happen,
 * and in JSON what the local API says (docs/monitoring.md). Nothing can be changed through it.
 */
#ifndef NODE_WEB_H
#define NODE_WEB_H

#include "node/api.h"

struct web;

/* Off (*out NULL) unless the configuration says `http`. False with *fault. `api`: outlives it. */
bool web_open(struct web **out, struct api *api, struct event_base *base, struct clock *clock,
              struct fault *fault);
void web_close(struct web *web);

#endif
