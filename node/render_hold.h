/* A hold's id as text, "SLOT.LIFE.COUNTER". */
#ifndef NODE_RENDER_HOLD_H
#define NODE_RENDER_HOLD_H

#include <stdbool.h>

#include "proto/id.h"

enum { RENDER_HOLD_SIZE = 64 };
struct hold_text {
    char text[RENDER_HOLD_SIZE];
};
struct hold_text render_hold(struct op_id id);
/* False unless `text` is exactly what render_hold makes. */
bool render_parse_hold(struct op_id *out, const char *text);

#endif
