/* Tells how a story went: a timeline in words, a verdict for each expectation, figures. */
#ifndef SIM_STORY_TELL_H
#define SIM_STORY_TELL_H

#include "sim/chronicle.h"

#include <stdio.h>

struct world;

enum { TELL_TEXT_SIZE = 400 };

/*
 * Entry `index` of the chronicle as a sentence; false: it says nothing to a person. Entries of the
 * same kind about the same machine within a moment are told in one; `told` marks those, one byte
 * for each entry, zeroed by the caller.
 */
bool story_sentence(const struct world *w, size_t index, uint8_t *told, char out[TELL_TEXT_SIZE]);
void story_tell(const struct world *w, FILE *out);
void story_tell_json(const struct world *w, FILE *out);
/* Of the run and its expectations: EXIT_CLEAN, EXIT_BROKEN or EXIT_STUCK. */
int story_exit_code(const struct world *w);
/* The verdict in a line. */
void story_verdict_text(const struct world *w, char out[TELL_TEXT_SIZE]);

#endif
