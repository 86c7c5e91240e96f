/* The page of a run: one HTML file that needs nothing else, neither network nor script. */
#ifndef SIM_PAGE_H
#define SIM_PAGE_H

#include <stdio.h>

struct world;

/* `w` has run a story, and kept its chronicle. */
void page_write(const struct world *w, FILE *out);

#endif
