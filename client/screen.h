/* A terminal as a page that is drawn anew: its size, and where drawing begins. */
#ifndef CLIENT_SCREEN_H
#define CLIENT_SCREEN_H

#include <stddef.h>

enum { SCREEN_BYTES = 1 << 16 };

/* Clears the page; what is printed next begins at its top. */
#define SCREEN_CLEAR "\033[H\033[2J"

/* 24 and 80 where the terminal does not say. */
size_t screen_rows(void);
size_t screen_columns(void);

/* Output is kept back and shown by fflush, a page at a time. Once, before anything is printed. */
void screen_buffer(void);

#endif
