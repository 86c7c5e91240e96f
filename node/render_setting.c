/* What is said about the configuration: see render_setting.h. */
#include "node/render_setting.h"

#include <string.h>

const char *setting_origin_text(enum setting_origin origin)
{
    switch (origin) {
    case SETTING_DEFAULT:
        return "default";
    case SETTING_FILE:
        return "file";
    case SETTING_COMMAND_LINE:
        return "command-line";
    case SETTING_ROSTER:
        return "roster";
    }
    return "default";
}

static json_t *render_setting(const struct setting *s)
{
    unsigned starts = setting_starts(s);
    json_t *restart = json_array(), *value = json_string(s->value);
    if (starts & SETTING_OF_AGENT)
        json_array_append_new(restart, json_string("holdfastd"));
    if (starts & SETTING_OF_EXECUTOR)
        json_array_append_new(restart, json_string("holdfast-executor"));
    return json_pack("{s:s% s:o s:s s:i s:b s:o}", "name", s->name, strlen(s->name), "value",
                     value ? value : json_string("?"), /* not UTF-8 */
                     "origin", setting_origin_text(s->origin), "line", s->line, "reload",
                     (int)setting_reloads(s), "restart", restart);
}

json_t *render_settings(const struct settings *settings)
{
    json_t *out = json_array();
    for (size_t i = 0; i < settings->count; i++)
        json_array_append_new(out, render_setting(&settings->list[i]));
    return out;
}
