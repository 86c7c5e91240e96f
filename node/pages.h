/*
 * Memory by the page, for what is large and mostly untouched: pages that nobody wrote to cost
 * nothing, and pages_trim makes those so that were only ever filled with zeros.
 */
#ifndef NODE_PAGES_H
#define NODE_PAGES_H

#include <stddef.h>

/* `size` bytes of zeros, the caller's until pages_put with the same size; NULL if there are none.
 */
void *pages_get(size_t size);
void pages_put(void *memory, size_t size);
/* Gives the kernel back each page of it that holds nothing but zeros; it reads as zeros again. */
void pages_trim(void *memory, size_t size);

#endif
