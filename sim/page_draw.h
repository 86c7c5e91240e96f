/*
 * What the parts of a run's page share. Drawings have no text in them: they are stretched to the
 * width there is, and words stand beside them as HTML. So nothing shrinks on a narrow screen.
 */
#ifndef SIM_PAGE_DRAW_H
#define SIM_PAGE_DRAW_H

#include "sim/chronicle.h"

#include <stdio.h>

struct world;

extern const char page_style[];

struct page {
    const struct world *w;
    FILE *out;
    int64_t end;   /* ns: the right edge */
    uint8_t *told; /* of the sentences */
};

/* Text with what HTML needs escaped. */
void page_text(const struct page *p, const char *text);
/* A moment as a share of the width, "12.345%", or as 0..1000 in a drawing. Static, overwritten by
 * the fourth call from here. */
const char *page_percent(const struct page *p, int64_t at);
const char *page_x(const struct page *p, int64_t at);
/* "250 ms", and from 10 s on "12.3 s". Static, as above. */
const char *page_span(int64_t ns);
/* page_lanes.c */
void page_lanes(const struct page *p);
/* page_locks.c */
void page_locks(const struct page *p);
void page_waits(const struct page *p);
void page_axis(const struct page *p);

#endif
