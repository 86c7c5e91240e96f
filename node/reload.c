/* A configuration that is read anew: see reload.h. */
#include "node/reload.h"

/* By what it takes until the new value is in force. */
static bool by_reload(const struct setting *setting)
{
    return setting_reloads(setting);
}

static bool by_agent(const struct setting *setting)
{
    return (setting_starts(setting) & SETTING_OF_AGENT) != 0;
}

static bool by_executor(const struct setting *setting)
{
    return (setting_starts(setting) & SETTING_OF_EXECUTOR) != 0;
}

bool reload_config(struct config *running, struct reload *out, struct fault *fault)
{
    static struct config fresh; /* large */
    *out = (struct reload){0};
    if (!config_load(&fresh, running->path, fault))
        return false;
    const struct settings *now = &running->settings, *next = &fresh.settings;
    settings_differ(out->changed, sizeof out->changed, now, next, by_reload);
    settings_differ(out->later, sizeof out->later, now, next, by_agent);
    settings_differ(out->executor, sizeof out->executor, now, next, by_executor);
    settings_take_over(&running->settings, &fresh.settings);
    struct access old = running->access;
    running->access = fresh.access;
    fresh.access = old;
    running->grace = fresh.grace;
    running->log_level = fresh.log_level;
    config_free(&fresh);
    return true;
}
