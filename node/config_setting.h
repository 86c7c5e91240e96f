/*
 * What each option of the configuration is set to, and where that comes from: for `holdfastd
 * --show-config`, the API's method Settings, and a reload's comparison. Between config.c and
 * config_setting.c.
 */
#ifndef NODE_CONFIG_SETTING_H
#define NODE_CONFIG_SETTING_H

#include <confuse.h>
#include <stdbool.h>
#include <stddef.h>

enum setting_origin { SETTING_DEFAULT, SETTING_FILE, SETTING_COMMAND_LINE, SETTING_ROSTER };

/* Programs that read it at their start alone. */
enum { SETTING_OF_AGENT = 1 << 0, SETTING_OF_EXECUTOR = 1 << 1 };

struct setting {
    char *name;  /* `grace`; of a section's option `action "power" exec`. Each once */
    char *value; /* as in the file, without quotes, a list with commas; "" if there is none */
    enum setting_origin origin;
    int line; /* of SETTING_FILE: the one that counts, if it stands there twice */
};

/* In the order of the table of options, sections in the order of the file. */
struct settings {
    size_t count;
    size_t room;
    struct setting *list; /* with their texts, its own */
};

/* Before the file is parsed: notes the line of each option from now on. After all checks were
 * added, for they are called from here; until settings_take, and in this thread alone. */
void settings_watch(cfg_t *cfg);
/* Of the file that was parsed, if `out` is not NULL; forgets the notes. False if memory ran out. */
bool settings_take(struct settings *out, cfg_t *cfg);
void settings_free(struct settings *settings);

/* What is above the file. Nothing happens if there is no such setting, or no memory. */
void settings_override(struct settings *settings, const char *name, const char *value,
                       enum setting_origin origin);
const struct setting *settings_find(const struct settings *settings, const char *name);

/* How it comes to be in force: by a reload of the agent, or by a start of which programs (some of
 * SETTING_OF_..., 0 if a reload is all that it takes). */
bool setting_reloads(const struct setting *setting);
unsigned setting_starts(const struct setting *setting);

/*
 * A reload: `running` gets those settings of `fresh` that the agent takes over while it runs, and
 * those that it does not use itself; `fresh` gets what `running` had. What the command line says
 * stays.
 */
void settings_take_over(struct settings *running, struct settings *fresh);

/* Options (`grace`, or `action` of all that is in such sections) that differ between the two, each
 * once; those for which `wanted` says so, if it is not NULL. `text` is cut at `size`. */
void settings_differ(char *text, size_t size, const struct settings *a, const struct settings *b,
                     bool (*wanted)(const struct setting *setting));

#endif
