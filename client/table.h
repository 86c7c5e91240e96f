/*
 * Tables for people: columns as wide as their widest cell, two spaces between. Text output is no
 * interface; scripts use --json.
 */
#ifndef CLIENT_TABLE_H
#define CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum { TABLE_COLUMNS_MAX = 12 };

struct table {
    size_t columns;
    size_t used;  /* cells so far, the heading's included */
    size_t room;  /* in cells */
    char **cells; /* row after row, each the table's own */
};

/* The first row is the heading. */
void table_init(struct table *t, size_t columns, const char *const heading[]);
/* Formats the next cell of the current row; rows fill from the left. */
void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints to stdout and frees the cells. */
void table_print(struct table *t);
/* Frees the cells. */
void table_drop(struct table *t);

#endif
