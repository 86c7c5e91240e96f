/* Tables for people: see table.h. */
#include "client/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/must.h"

static void append(struct table *t, char *text)
{
    must(text != NULL);
    if (t->used == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->cells = reallocarray(t->cells, t->room, sizeof *t->cells);
        must(t->cells != NULL);
    }
    t->cells[t->used] = text;
    t->used++;
}

void table_init(struct table *t, size_t columns, const char *const heading[])
{
    must(columns >= 1 && columns <= TABLE_COLUMNS_MAX);
    *t = (struct table){.columns = columns};
    for (size_t i = 0; i < columns; i++)
        table_cell(t, "%s", heading[i]);
}

void table_cell(struct table *t, const char *format, ...)
{
    va_list ap;
    char *text = NULL;
    va_start(ap, format);
    int n = vasprintf(&text, format, ap);
    va_end(ap);
    append(t, n < 0 ? NULL : text);
}

/* Characters of UTF-8, not bytes: those that do not continue another one. A colour ("ESC [ 1 ; 31
 * m") takes no room. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        size_t color = text[0] == '\033' && text[1] == '[' ? strspn(text + 2, "0123456789;") : 0;
        if (color > 0 && text[2 + color] == 'm')
            text += 2 + color;
        else
            width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

void table_print(struct table *t)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    must(t->used % t->columns == 0);
    for (size_t i = 0; i < t->used; i++) {
        size_t width = width_of(t->cells[i]), column = i % t->columns;
        widths[column] = width > widths[column] ? width : widths[column];
    }
    for (size_t i = 0; i < t->used; i++) {
        size_t column = i % t->columns;
        bool last = column + 1 == t->columns;
        size_t pad = last ? 0 : widths[column] - width_of(t->cells[i]) + 2;
        printf("%s%*s%s", t->cells[i], (int)pad, "", last ? "\n" : "");
    }
    table_drop(t);
}

void table_drop(struct table *t)
{
    for (size_t i = 0; i < t->used; i++)
        free(t->cells[i]);
    free(t->cells);
    *t = (struct table){0};
}
