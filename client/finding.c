#include "client/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/color.h"

enum { TEXT_MAX = 512 };

static const struct {
    const char *word; /* of --json */
    const char *shown;
    const char *color;
} verdicts[] = {
    [FINDING_OK] = {"ok", "ok", ""},
    [FINDING_NOTE] = {"note", "note", ""},
    [FINDING_WARNING] = {"warning", "WARN", COLOR_WARN},
    [FINDING_BAD] = {"bad", "BAD", COLOR_BAD},
    [FINDING_UNKNOWN] = {"unknown", "?", COLOR_WARN},
};

void findings_init(struct findings *f, bool json)
{
    *f = (struct findings){.json = json, .list = json_array()};
}

void findings_deinit(struct findings *f)
{
    json_decref(f->list);
}

void finding(struct findings *f, enum finding_verdict verdict, const char *check,
             const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    f->count[verdict]++;
    json_array_append_new(f->list, json_pack("{s:s s:s s:s s:s}", "check", check, "verdict",
                                             verdicts[verdict].word, "text", text, "mend", ""));
    if (f->json)
        return;
    bool color = color_wanted() && *verdicts[verdict].color;
    printf("%s%-4s%s  %-9s %s\n", color ? verdicts[verdict].color : "", verdicts[verdict].shown,
           color ? COLOR_END : "", check, text);
    fflush(stdout); /* the next check may take a while */
}

void finding_mend(struct findings *f, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_t *last = json_array_get(f->list, json_array_size(f->list) - 1);
    json_object_set_new(last, "mend", json_string(text));
    if (!f->json)
        printf("                -> %s\n", text);
}
