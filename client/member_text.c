/* What is said about the node of a hold: see member_text.h. */
#include "client/member_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"

enum { SPAN_SIZE = 32, BY_SIZE = 80 };

const json_t *member_find(const json_t *members, const char *node)
{
    const json_t *member;
    size_t index;
    json_array_foreach(members, index, member)
    {
        if (strcmp(json_text(member, "name"), node) == 0)
            return member;
    }
    return NULL;
}

long long member_hold_life(const char *hold)
{
    const char *dot = strchr(hold, '.');
    char *end = NULL;
    if (dot == NULL)
        return 0;
    long long life = strtoll(dot + 1, &end, 10);
    return *end == '.' && life > 0 ? life : 0;
}

void member_text_span(char *text, size_t size, long long ms)
{
    long long s = ms < 0 ? 0 : ms / 1000;
    if (s < 120)
        snprintf(text, size, "%lld s", s);
    else if (s < 120 * 60)
        snprintf(text, size, "%lld min", s / 60);
    else
        snprintf(text, size, "%lld h", s / 3600);
}

bool member_text(char *text, size_t size, const json_t *member, long long life, bool times)
{
    const char *node = json_text(member, "name"), *gossip = json_text(member, "gossip");
    const char *accuser = json_text(member, "accused_by");
    char span[SPAN_SIZE], since[SPAN_SIZE + 8] = "", by[BY_SIZE] = "";
    text[0] = '\0';
    if (member == NULL)
        return false;
    member_text_span(span, sizeof span, json_number(member, "since_ms"));
    if (times)
        snprintf(since, sizeof since, " since %s", span);
    if (*accuser)
        snprintf(by, sizeof by, ", by %s", accuser);
    if (strcmp(gossip, "suspect") == 0)
        snprintf(text, size, "%s is suspected%s%s", node, since, by);
    else if (strcmp(gossip, "dead") == 0)
        snprintf(text, size, "%s is dead by gossip%s", node, since);
    else if (strcmp(gossip, "left") == 0)
        snprintf(text, size, "%s has left%s", node, since);
    else if (strcmp(gossip, "unknown") == 0)
        snprintf(text, size, "%s was not heard of yet", node);
    else if (life > 0 && json_number(member, "life") > life)
        snprintf(text, size, "%s has booted since: it runs under its life %lld, not %lld", node,
                 json_number(member, "life"), life);
    else if (json_flag(member, "unreachable"))
        snprintf(text, size, "%s cannot be reached from this node", node);
    return text[0] != '\0';
}
