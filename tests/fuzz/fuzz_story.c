/*
 * Scenario files from anywhere. Nothing crashes; what is refused is refused with a file and a line;
 * what is taken can be written, and what was written is taken again and says the same.
 */
#include "sim/story.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct story story, again;
static char error[STORY_ERROR_SIZE];

static void check_written(void)
{
    static char text[STORY_TEXT_MAX];
    FILE *out = fmemopen(text, sizeof text, "w");
    if (!out)
        abort();
    story_write(&story, "again", out);
    long size = ftell(out);
    bool whole = size >= 0 && (size_t)size < sizeof text - 1;
    if (fclose(out) != 0 || !whole)
        return; /* many acts on many nodes: longer than a file may be */
    story_init(&again);
    struct view view = {(const uint8_t *)text, (size_t)size};
    if (!story_parse(&again, "again", view, false, error) || again.act_count != story.act_count ||
        again.expect_count != story.expect_count || again.until != story.until)
        abort();
    for (size_t i = 0; i < story.act_count; i++)
        if (again.acts[i].at != story.acts[i].at || again.acts[i].bits != story.acts[i].bits ||
            again.acts[i].length != story.acts[i].length)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    story_init(&story);
    if (story_parse(&story, "fuzz", (struct view){data, size}, size & 1, error))
        check_written();
    else if (strncmp(error, "fuzz:", 5) != 0)
        abort();
    return 0;
}
