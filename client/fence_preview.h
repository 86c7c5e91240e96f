/*
 * `holdfast fence preview`: what would follow if a machine vanished now, in words. Pure: the API's
 * type Preview goes in, and an explanation comes out.
 */
#ifndef CLIENT_FENCE_PREVIEW_H
#define CLIENT_FENCE_PREVIEW_H

#include <stdio.h>

#include <jansson.h>

/*
 * Adds to the preview:
 *
 *   outcome    "executor", "retire" (only its own agent, or its next boot, can end it), "none" (no
 *              order can come), "nothing" (nobody would have to end it)
 *   passes_ms  its locks under `fence` pass on within so long; -1: not by itself
 *   headline   one line
 *   text       list of lines: what would happen, in order, and what would stop it
 *   affected   list of lines: what else
 */
void fence_preview_explain(json_t *preview);
void fence_preview_print(FILE *out, const json_t *preview);

#endif
