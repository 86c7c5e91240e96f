/* Files for a story: see story_load.h. */
#include "sim/story_load.h"

#include "crypto/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Heap, for the caller to free; NULL with an error. One byte more than `size` is zero. */
static uint8_t *read_file(const char *path, size_t most, size_t *size, char error[STORY_ERROR_SIZE])
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = f ? calloc(most + 2, 1) : NULL;
    *size = bytes ? fread(bytes, 1, most + 1, f) : 0;
    bool ok = bytes && !ferror(f) && *size <= most;
    if (!ok) {
        snprintf(error, STORY_ERROR_SIZE, "%.200s: %s", path,
                 bytes && !ferror(f) ? "the file is too large" : strerror(errno));
        free(bytes);
    }
    if (f)
        fclose(f);
    return ok ? bytes : NULL;
}

static bool take_roster(struct story *s, const char *path, const struct roster *r,
                        char error[STORY_ERROR_SIZE])
{
    if (r->node_count > MACHINES_MAX) {
        snprintf(error, STORY_ERROR_SIZE,
                 "%.200s: it has %zu nodes, and at most %d can be simulated", path, r->node_count,
                 MACHINES_MAX);
        return false;
    }
    s->p.nodes = (uint32_t)r->node_count;
    for (size_t i = 0; i < r->node_count; i++) {
        if (strlen(r->nodes[i].name) >= STORY_NODE_SIZE) {
            snprintf(error, STORY_ERROR_SIZE, "%.200s: the name %.63s is too long here", path,
                     r->nodes[i].name);
            return false;
        }
        snprintf(s->nodes[i], STORY_NODE_SIZE, "%.23s", r->nodes[i].name);
        s->voters |= (uint32_t)r->nodes[i].votes << i;
        s->jurors |= (uint32_t)r->nodes[i].juror << i;
    }
    s->p.detect_ms = r->detect_ms;
    s->p.cohort = (uint32_t)roster_cohort_size(r);
    if (roster_shard_count(r) < s->p.shards)
        s->p.shards = roster_shard_count(r);
    s->roster_given = true;
    return true;
}

bool story_load_roster(struct story *s, const char *path, char error[STORY_ERROR_SIZE])
{
    size_t size;
    struct digest digest;
    uint8_t *bytes = read_file(path, ROSTER_FILE_MAX, &size, error);
    struct roster *roster = bytes ? calloc(1, sizeof *roster) : NULL;
    bool ok = false;
    if (roster) {
        enum roster_verdict verdict = roster_file_decode(roster, &digest, NULL, NULL, bytes, size);
        if (verdict == ROSTER_OK)
            ok = take_roster(s, path, roster, error);
        else
            snprintf(error, STORY_ERROR_SIZE, "%.200s: %s", path, roster_verdict_text(verdict));
    }
    free(roster);
    free(bytes);
    return ok;
}

/* "on_isolation = stop", with or without blanks and quotes; anything after '#' is a comment. */
static bool take_isolation(struct story *s, const char *line)
{
    static const char option[] = "on_isolation";
    char value[16] = "";
    line += strspn(line, " \t");
    if (strncmp(line, option, sizeof option - 1) != 0)
        return true;
    if (sscanf(line + sizeof option - 1, " = %*[\"']%15[a-z]", value) != 1 &&
        sscanf(line + sizeof option - 1, " = %15[a-z]", value) != 1)
        return false;
    s->p.stop_on_isolation = strcmp(value, "stop") == 0;
    return s->p.stop_on_isolation || strcmp(value, "continue") == 0;
}

bool story_load_config(struct story *s, const char *path, char error[STORY_ERROR_SIZE])
{
    size_t size, number = 0;
    char *text = (char *)read_file(path, STORY_TEXT_MAX, &size, error);
    bool ok = text != NULL;
    for (char *line = text; ok && line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        number++;
        ok = take_isolation(s, line);
        line = end ? end + 1 : NULL;
    }
    if (text && !ok)
        snprintf(error, STORY_ERROR_SIZE, "%.200s:%zu: on_isolation is `stop` or `continue`", path,
                 number);
    free(text);
    return ok;
}

bool story_load(struct story *s, const char *path, const char *roster, const char *config,
                bool variant, char error[STORY_ERROR_SIZE])
{
    size_t size;
    story_init(s);
    if ((roster && !story_load_roster(s, roster, error)) ||
        (config && !story_load_config(s, config, error)))
        return false;
    uint8_t *bytes = read_file(path, STORY_TEXT_MAX, &size, error);
    bool ok = bytes && story_parse(s, path, (struct view){bytes, size}, variant, error);
    free(bytes);
    return ok;
}
