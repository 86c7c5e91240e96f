/* Requests that a coordinator keeps, and lists of them: see served.h. */
#include "proto/served.h"

struct asked *asked_new(struct served_table *t)
{
    if (!t->asked_free && t->asked_count == t->asked_max)
        return NULL;
    uint32_t index = t->asked_free ? t->asked_free : ++t->asked_count;
    struct asked *a = &t->asked[index - 1];
    if (t->asked_free)
        t->asked_free = a->next;
    *a = (struct asked){0};
    return a;
}

bool asked_keep(struct served_table *t, struct asked *a, struct view bytes)
{
    if (bytes.size == 0)
        return true;
    a->bytes = arena_get(&t->core->arena, bytes.size);
    if (!a->bytes)
        return false;
    memcpy(a->bytes, bytes.bytes, bytes.size);
    a->bytes_size = (uint16_t)bytes.size;
    return true;
}

bool asked_word_suits(const struct core *c, const struct wire_request *r)
{
    bool action = r->kind == REQUEST_ACQUIRE && r->policy == LOCK_STALE_ACTION;
    if (action != (r->word.scope.session != 0))
        return false;
    return !action ||
           scope_verify(&r->word, r->op.slot, r->op.life, &c->config.cluster, c->config.roster);
}

bool asked_keep_word(struct served_table *t, struct asked *a, const struct scope_word *word)
{
    if (word->scope.session == 0)
        return true;
    a->word = arena_get(&t->core->arena, sizeof *a->word);
    if (a->word)
        *a->word = *word;
    return a->word != NULL;
}

void asked_free(struct served_table *t, struct asked *a)
{
    arena_put(&t->core->arena, a->word, sizeof *a->word);
    if (a->bytes)
        arena_put(&t->core->arena, a->bytes, a->bytes_size);
    a->next = t->asked_free;
    t->asked_free = (uint32_t)(a - t->asked) + 1;
}

void asked_push(struct served_table *t, struct asked_list *list, struct asked *a)
{
    uint32_t index = (uint32_t)(a - t->asked) + 1;
    a->next = 0;
    if (list->last)
        t->asked[list->last - 1].next = index;
    else
        list->first = index;
    list->last = index;
}

struct asked *asked_first(const struct served_table *t, const struct asked_list *list)
{
    return list->first ? &t->asked[list->first - 1] : NULL;
}

struct asked *asked_next(const struct served_table *t, const struct asked *a)
{
    return a->next ? &t->asked[a->next - 1] : NULL;
}

struct asked *asked_pop(struct served_table *t, struct asked_list *list)
{
    struct asked *a = asked_first(t, list);
    if (!a)
        return NULL;
    list->first = a->next;
    if (!list->first)
        list->last = 0;
    return a;
}

bool asked_has(const struct served_table *t, const struct asked_list *list, struct op_id op,
               enum request_kind kind, uint64_t change)
{
    for (struct asked *a = asked_first(t, list); a; a = asked_next(t, a))
        if (op_equal(a->op, op) && a->kind == kind && a->change == change)
            return true;
    return false;
}

void asked_remove(struct served_table *t, struct asked_list *list, struct op_id op,
                  enum request_kind kind)
{
    struct asked_list rest = {0};
    struct asked *a;
    while ((a = asked_pop(t, list))) {
        if (op_equal(a->op, op) && a->kind == kind)
            asked_free(t, a);
        else
            asked_push(t, &rest, a);
    }
    *list = rest;
}

void asked_clear(struct served_table *t, struct asked_list *list)
{
    struct asked *a;
    while ((a = asked_pop(t, list)))
        asked_free(t, a);
}
