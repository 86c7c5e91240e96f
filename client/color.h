/*
 * Colour for people: on a terminal alone, and never where NO_COLOR is set (no-color.org) or TERM is
 * "dumb". What a colour says always stands in words too.
 */
#ifndef CLIENT_COLOR_H
#define CLIENT_COLOR_H

#include <stdbool.h>

#define COLOR_BAD   "\033[1;31m" /* bold red */
#define COLOR_WARN  "\033[33m"   /* yellow */
#define COLOR_FAINT "\033[2m"
#define COLOR_END   "\033[0m"

/* Whether what goes to stdout may have colour. */
bool color_wanted(void);

#endif
