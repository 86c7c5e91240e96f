/*
 * The status page: one HTML document that needs nothing else. Its parts (node/page/) are put
 * together at the start, and their digests into its Content-Security-Policy, so a browser runs and
 * applies just these and nothing that a lock's name might smuggle in.
 */
#ifndef NODE_PAGE_H
#define NODE_PAGE_H

#include <stddef.h>

struct page {
    char *text; /* the page's own */
    size_t size;
    char headers[1024]; /* lines for the answer, each with CRLF */
};

void page_make(struct page *out);
void page_free(struct page *page);

#endif
