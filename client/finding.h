/*
 * Findings: what `holdfast doctor` found, one line each as it is found, with what to do where
 * something is to be done.
 */
#ifndef CLIENT_FINDING_H
#define CLIENT_FINDING_H

#include <stdbool.h>

#include <jansson.h>

enum finding_verdict {
    FINDING_OK,
    FINDING_NOTE,    /* nothing is wrong; worth knowing */
    FINDING_WARNING, /* works, and will not in some hour of need */
    FINDING_BAD,     /* does not work */
    FINDING_UNKNOWN  /* could not be looked at */
};

struct findings {
    bool json;
    json_t *list; /* of objects "check", "verdict", "text", "mend" */
    unsigned count[FINDING_UNKNOWN + 1];
};

void findings_init(struct findings *f, bool json);
void findings_deinit(struct findings *f);
/* What was found of `check`, one word; printed at once unless it is JSON. */
void finding(struct findings *f, enum finding_verdict verdict, const char *check,
             const char *format, ...) __attribute__((format(printf, 4, 5)));
/* What to do about the last one. */
void finding_mend(struct findings *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
