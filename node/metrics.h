/*
 * What Prometheus scrapes: docs/metrics.md lists it. Rendered when it is asked for, from what is
 * counted anyway: an agent that nobody scrapes does nothing for it, and none has a timer for it.
 * Labels have few values; no lock, hold or client is ever one.
 */
#ifndef NODE_METRICS_H
#define NODE_METRICS_H

#include <stdio.h>

#include "node/api.h"
#include "node/http.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Prometheus's text format 0.0.4. */
void metrics_write(FILE *out, const struct api *api, const struct http_server *http);

/* --- Between the files of the metrics --- */

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

/* What is wrong about HELP and TYPE lines a lint finds: each family begins once, with `help`. */
void metrics_family(FILE *out, const char *name, enum metrics_type type, const char *help);
/* `label` NULL: without one. `value` of the label is static or a node's name: nothing is escaped.
 */
void metrics_count(FILE *out, const char *name, const char *label, const char *value, uint64_t n);
/* In seconds. */
void metrics_span(FILE *out, const char *name, struct span span);
void metrics_spread(FILE *out, const char *name, const char *label, const char *value,
                    const struct histogram *histogram);
/* A family of one sample. */
void metrics_one(FILE *out, const char *name, enum metrics_type type, const char *help, uint64_t n);

/* metrics_node.c: this node and its store; metrics_cluster.c: members, locks, fencing;
 * metrics_guard.c: what keeps nodes from being fenced, and ends this one. */
void metrics_node(FILE *out, const struct api *api, const struct http_server *http);
void metrics_cluster(FILE *out, const struct api *api);
void metrics_guard(FILE *out, const struct api *api);

#endif
