/*
 * The settings: see config_setting.h. libconfuse keeps no line for an option, but calls its check
 * with the parser's present one: so every option gets a check that notes it, and calls the one that
 * was there.
 */
#include "node/config_setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

enum { SETTING_NAME_MAX = 160, SETTING_VALUE_MAX = 8192 };

struct setting_check {
    cfg_validate_callback_t check; /* or NULL */
    UT_hash_handle hh;
    char key[SETTING_NAME_MAX]; /* "action|exec"; at the top "|grace" */
};

struct setting_note {
    int line;
    UT_hash_handle hh;
    char name[SETTING_NAME_MAX];
};

/* libconfuse's checks have no context: what is known while one file is parsed. */
static _Thread_local struct {
    struct setting_check *checks;
    struct setting_note *notes;
    bool no_memory;
} noted;

/* --- Lines --- */

/* `action "power" exec`; sections are one deep. */
static void setting_name(char name[SETTING_NAME_MAX], cfg_t *cfg, const char *option)
{
    if (cfg_title(cfg))
        snprintf(name, SETTING_NAME_MAX, "%s \"%s\" %s", cfg_name(cfg), cfg_title(cfg), option);
    else
        snprintf(name, SETTING_NAME_MAX, "%s", option);
}

static struct setting_check *setting_check_of(cfg_t *cfg, const char *option)
{
    struct setting_check *found;
    char key[SETTING_NAME_MAX];
    snprintf(key, sizeof key, "%s|%s", cfg_title(cfg) ? cfg_name(cfg) : "", option);
    HASH_FIND_STR(noted.checks, key, found);
    return found;
}

static void setting_note_line(cfg_t *cfg, const char *option)
{
    struct setting_note *note;
    char name[SETTING_NAME_MAX];
    setting_name(name, cfg, option);
    HASH_FIND_STR(noted.notes, name, note);
    if (!note) {
        note = calloc(1, sizeof *note);
        if (!note) {
            noted.no_memory = true;
            return;
        }
        memcpy(note->name, name, sizeof name);
        HASH_ADD_STR(noted.notes, name, note);
    }
    note->line = cfg->line;
}

static int setting_seen(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct setting_check *check = setting_check_of(cfg, cfg_opt_name(opt));
    if (opt->type != CFGT_SEC)
        setting_note_line(cfg, cfg_opt_name(opt));
    return check && check->check ? check->check(cfg, opt) : 0;
}

static void settings_watch_all(const char *section, cfg_opt_t *options)
{
    for (cfg_opt_t *opt = options; opt->name; opt++) {
        struct setting_check *check = calloc(1, sizeof *check);
        if (!check) {
            noted.no_memory = true;
            return;
        }
        check->check = opt->validcb;
        snprintf(check->key, sizeof check->key, "%s|%s", section, opt->name);
        HASH_ADD_STR(noted.checks, key, check);
        opt->validcb = setting_seen;
        if (opt->type == CFGT_SEC)
            settings_watch_all(opt->name, opt->subopts);
    }
}

static void settings_forget(void)
{
    struct setting_check *check, *next;
    struct setting_note *note, *after;
    HASH_ITER(hh, noted.checks, check, next)
    {
        HASH_DEL(noted.checks, check);
        free(check);
    }
    HASH_ITER(hh, noted.notes, note, after)
    {
        HASH_DEL(noted.notes, note);
        free(note);
    }
    noted.no_memory = false;
}

void settings_watch(cfg_t *cfg)
{
    settings_forget();
    settings_watch_all("", cfg->opts);
}

/* --- Values --- */

static void setting_value(char value[SETTING_VALUE_MAX], cfg_opt_t *opt)
{
    size_t used = 0;
    value[0] = '\0';
    for (unsigned i = 0; i < cfg_opt_size(opt) && used < SETTING_VALUE_MAX; i++) {
        const char *between = i > 0 ? ", " : "";
        size_t room = SETTING_VALUE_MAX - used;
        int n = 0;
        if (opt->type == CFGT_STR && cfg_opt_getnstr(opt, i))
            n = snprintf(value + used, room, "%s%s", between, cfg_opt_getnstr(opt, i));
        else if (opt->type == CFGT_INT)
            n = snprintf(value + used, room, "%s%ld", between, cfg_opt_getnint(opt, i));
        else if (opt->type == CFGT_BOOL)
            n = snprintf(value + used, room, "%s%s", between,
                         cfg_opt_getnbool(opt, i) ? "true" : "false");
        used += n > 0 ? (size_t)n : 0;
    }
}

static bool settings_add(struct settings *s, const char *name, const char *value, int line)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        struct setting *list = realloc(s->list, room * sizeof *list);
        if (!list)
            return false;
        s->list = list;
        s->room = room;
    }
    s->list[s->count++] = (struct setting){.name = strdup(name),
                                           .value = strdup(value),
                                           .origin = line ? SETTING_FILE : SETTING_DEFAULT,
                                           .line = line};
    return s->list[s->count - 1].name && s->list[s->count - 1].value;
}

static bool settings_take_all(struct settings *out, cfg_t *cfg)
{
    char name[SETTING_NAME_MAX], value[SETTING_VALUE_MAX];
    bool good = true;
    for (cfg_opt_t *opt = cfg->opts; good && opt->name; opt++) {
        if (opt->type == CFGT_SEC) {
            if (cfg_opt_size(opt) == 0) /* that there is none says something, too */
                good = settings_add(out, opt->name, "", 0);
            for (unsigned i = 0; good && i < cfg_opt_size(opt); i++)
                good = settings_take_all(out, cfg_opt_getnsec(opt, i));
            continue;
        }
        const struct setting_note *note;
        setting_name(name, cfg, opt->name);
        setting_value(value, opt);
        HASH_FIND_STR(noted.notes, name, note);
        good = settings_add(out, name, value, note ? note->line : 0);
    }
    return good;
}

bool settings_take(struct settings *out, cfg_t *cfg)
{
    bool good = !noted.no_memory;
    if (out)
        good = good && settings_take_all(out, cfg);
    settings_forget();
    return good;
}

static void setting_free(struct setting *s)
{
    free(s->name);
    free(s->value);
}

void settings_free(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++)
        setting_free(&settings->list[i]);
    free(settings->list);
    *settings = (struct settings){0};
}

/* --- Looks and changes --- */

const struct setting *settings_find(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->list[i].name, name) == 0)
            return &settings->list[i];
    return NULL;
}

void settings_override(struct settings *settings, const char *name, const char *value,
                       enum setting_origin origin)
{
    struct setting *found = (struct setting *)(uintptr_t)settings_find(settings, name);
    char *copy = strdup(value);
    if (!found || !copy) {
        free(copy);
        return;
    }
    free(found->value);
    found->value = copy;
    found->origin = origin;
    found->line = 0;
}

/* Bytes of the option's name at the top, without title and what is within. */
static size_t setting_head(const struct setting *setting)
{
    return strcspn(setting->name, " ");
}

static bool setting_is(const struct setting *setting, const char *option)
{
    return setting_head(setting) == strlen(option) &&
           strncmp(setting->name, option, strlen(option)) == 0;
}

/* The option of a section. */
static bool setting_ends(const struct setting *setting, const char *option)
{
    const char *space = strrchr(setting->name, ' ');
    return space && strcmp(space + 1, option) == 0;
}

bool setting_reloads(const struct setting *setting)
{
    return setting_is(setting, "access") || setting_is(setting, "grace") ||
           setting_is(setting, "log-level");
}

unsigned setting_starts(const struct setting *setting)
{
    static const char *const of_executor[] = {"executor-state", "agent-user"};
    static const char *const of_both[] = {"cluster", "roster", "machine-id", "boot-id",
                                          "executor-socket"};
    if (setting_reloads(setting))
        return 0;
    for (size_t i = 0; i < sizeof of_executor / sizeof *of_executor; i++)
        if (setting_is(setting, of_executor[i]))
            return SETTING_OF_EXECUTOR;
    for (size_t i = 0; i < sizeof of_both / sizeof *of_both; i++)
        if (setting_is(setting, of_both[i]))
            return SETTING_OF_AGENT | SETTING_OF_EXECUTOR;
    /* The agent wants to know how long a run may take (config_run_longest), and no more. */
    if (setting_is(setting, "device") && strchr(setting->name, ' '))
        return setting_ends(setting, "node") || setting_ends(setting, "login-timeout") ||
                       setting_ends(setting, "power-timeout")
                   ? SETTING_OF_AGENT | SETTING_OF_EXECUTOR
                   : SETTING_OF_EXECUTOR;
    if (setting_is(setting, "device") || setting_is(setting, "action"))
        return SETTING_OF_AGENT | SETTING_OF_EXECUTOR;
    return SETTING_OF_AGENT;
}

void settings_take_over(struct settings *running, struct settings *fresh)
{
    struct settings kept = {0}, dropped = {0};
    struct settings *const from[] = {running, fresh};
    kept.room = dropped.room = running->count + fresh->count + 1;
    kept.list = calloc(kept.room, sizeof *kept.list);
    dropped.list = calloc(dropped.room, sizeof *dropped.list);
    if (!kept.list || !dropped.list) { /* it is only shown */
        free(kept.list);
        free(dropped.list);
        return;
    }
    const struct setting *level = settings_find(running, "log-level");
    bool given = level && level->origin == SETTING_COMMAND_LINE;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < from[k]->count; i++) {
            const struct setting *s = &from[k]->list[i];
            bool stays = (setting_starts(s) & SETTING_OF_AGENT) != 0 ||
                         (given && setting_is(s, "log-level"));
            struct settings *to = stays == (k == 0) ? &kept : &dropped;
            to->list[to->count++] = *s;
        }
    free(running->list);
    free(fresh->list);
    *running = kept;
    *fresh = dropped;
}

/* --- Differences --- */

struct setting_index {
    const struct setting *setting;
    UT_hash_handle hh;
};

static void settings_say(char *text, size_t size, const struct setting *setting)
{
    size_t head = setting_head(setting), used = strlen(text);
    char word[SETTING_NAME_MAX];
    snprintf(word, sizeof word, "%.*s", (int)head, setting->name);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        if ((at == text || at[-1] == ' ') && (at[head] == ' ' || at[head] == '\0'))
            return;
    snprintf(text + used, size - used, "%s%s", used ? " " : "", word);
}

/* Those of `a` that `b` has otherwise, or, if `missing`, not at all. */
static void settings_compare(char *text, size_t size, const struct settings *a,
                             const struct settings *b, bool missing,
                             bool (*wanted)(const struct setting *setting))
{
    struct setting_index *index = NULL, *slots = calloc(b->count + 1, sizeof *slots), *found;
    for (size_t i = 0; slots && i < b->count; i++) {
        slots[i].setting = &b->list[i];
        HASH_ADD_KEYPTR(hh, index, b->list[i].name, strlen(b->list[i].name), &slots[i]);
    }
    for (size_t i = 0; slots && i < a->count; i++) {
        const struct setting *s = &a->list[i];
        HASH_FIND_STR(index, s->name, found);
        /* What is above the file is no difference to it. */
        bool above = s->origin == SETTING_COMMAND_LINE ||
                     (found && found->setting->origin == SETTING_COMMAND_LINE);
        if (above || (wanted && !wanted(s)))
            continue;
        if (!found || (!missing && strcmp(found->setting->value, s->value) != 0))
            settings_say(text, size, s);
    }
    HASH_CLEAR(hh, index);
    free(slots);
}

void settings_differ(char *text, size_t size, const struct settings *a, const struct settings *b,
                     bool (*wanted)(const struct setting *setting))
{
    text[0] = '\0';
    settings_compare(text, size, a, b, false, wanted);
    settings_compare(text, size, b, a, true, wanted);
}
