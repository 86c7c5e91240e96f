/* The story of one order, for whoever asks why a machine was ended. */
#ifndef CLIENT_FENCE_STORY_H
#define CLIENT_FENCE_STORY_H

#include <stdio.h>

#include <jansson.h>

/* Prints the API's type Order: what it is about, who asked, what each juror had seen and said, what
 * executors told, the receipt. */
void fence_story_print(FILE *out, const json_t *order);

#endif
