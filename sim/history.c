/* The observer's books: see history.h. */
#include "sim/history.h"

#include "proto/must.h"
#include "sim/changes.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/world.h"

#include <stdlib.h>

static void place(struct world *w, struct name *n)
{
    n->shard = cohort_shard(&w->cluster->cohorts, n->view);
    n->cohort = cluster_cohort_bits(w->cluster, n->shard);
}

static void open_floor(struct world *w, uint32_t shard)
{
    struct name *n = pool_take(&w->pool, sizeof *n);
    n->index = NAMES_MAX + shard;
    snprintf(n->text, sizeof n->text, "floor-%u", shard);
    n->floor = floor_name(shard);
    n->view = (struct view){n->floor.bytes, sizeof n->floor.bytes};
    place(w, n);
    w->observer->history.floors[shard] = n;
}

void history_open(struct world *w)
{
    w->observer->history.ops = pool_take(&w->pool, OPS_SLOTS * sizeof(struct op *));
    for (uint32_t shard = 0; shard < w->p.shards; shard++)
        open_floor(w, shard);
}

struct name *history_name_new(struct world *w)
{
    char text[NAME_TEXT_SIZE];
    snprintf(text, sizeof text, "image-%03u", (unsigned)w->observer->history.name_count);
    return history_name_called(w, text);
}

struct name *history_name_called(struct world *w, const char *text)
{
    struct history *h = &w->observer->history;
    if (h->name_count == NAMES_MAX)
        return NULL;
    struct name *n = pool_take(&w->pool, sizeof *n);
    n->index = (uint32_t)h->name_count;
    snprintf(n->text, sizeof n->text, "%s", text);
    n->view = (struct view){(const uint8_t *)n->text, strlen(n->text)};
    place(w, n);
    h->names[h->name_count++] = n;
    return n;
}

struct name *history_name(struct world *w, struct view text)
{
    struct history *h = &w->observer->history;
    uint32_t index = 0, shard;
    if (floor_shard(text, &shard) && shard < w->p.shards)
        return h->floors[shard];
    for (size_t i = text.size < 3 ? 0 : text.size - 3; i < text.size; i++)
        index = index * 10 + (uint32_t)(text.bytes[i] - '0');
    if (index < h->name_count && view_equal(h->names[index]->view, text))
        return h->names[index];
    for (index = 0; index < h->name_count; index++) /* a story calls them as it likes */
        if (view_equal(h->names[index]->view, text))
            break;
    if (index == h->name_count)
        world_fail(w, EXIT_BROKEN, "S14", "a name appears that no client ever used");
    return h->names[index];
}

struct name *history_next(const struct history *h, size_t *cursor)
{
    size_t i = (*cursor)++;
    if (i < h->name_count)
        return h->names[i];
    i -= h->name_count;
    return i < SHARDS_MAX ? h->floors[i] : NULL;
}

bool history_stale(const struct name *name)
{
    const struct value *v = name->chosen;
    for (size_t i = 0; v && i < v->hold_count; i++)
        if (v->holds[i].mode != LOCK_NL && v->holds[i].op->epoch != v->holds[i].op->machine->epoch)
            return true;
    return false;
}

static size_t op_slot(struct op_id id)
{
    uint64_t h = (id.counter * 31 + id.life) * 131 + id.slot;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(h >> 40) % OPS_SLOTS;
}

struct op *history_op(struct world *w, struct op_id id)
{
    struct op **ops = w->observer->history.ops;
    for (size_t i = op_slot(id); ops[i]; i = (i + 1) % OPS_SLOTS)
        if (op_equal(ops[i]->id, id))
            return ops[i];
    return NULL;
}

static struct op *add_op(struct world *w, struct op_id id)
{
    struct history *h = &w->observer->history;
    must(h->op_count++ < OPS_SLOTS / 2);
    struct op *op = pool_take(&w->pool, sizeof *op);
    op->id = id;
    size_t i = op_slot(id);
    while (h->ops[i])
        i = (i + 1) % OPS_SLOTS;
    h->ops[i] = op;
    return op;
}

struct op *history_op_accepted(struct world *w, struct op_id id)
{
    struct op *op = history_op(w, id);
    if (op && op->accepted)
        world_fail(w, EXIT_BROKEN, "S14", "operation id %u/%llu/%llu was given out twice", id.slot,
                   (unsigned long long)id.life, (unsigned long long)id.counter);
    if (!op)
        op = add_op(w, id);
    op->accepted = true;
    return op;
}

int value_compare(const struct value *a, const struct value *b)
{
    return version_compare(a->group->ballot, a->seq, b->group->ballot, b->seq);
}

const char *value_text(const struct value *v)
{
    static char texts[4][64];
    static unsigned next;
    char *text = texts[next++ % 4];
    if (!v)
        return "nothing";
    snprintf(text, sizeof texts[0], "%llu.n%u#%llu{token %llu, %zu+%zu}",
             (unsigned long long)v->group->ballot.round, v->group->ballot.slot / 3 + 1,
             (unsigned long long)v->seq, (unsigned long long)v->token, v->hold_count,
             v->waiter_count);
    return text;
}

const struct value_hold *history_hold(const struct value *v, const struct op *op)
{
    for (size_t i = 0; i < v->hold_count; i++)
        if (v->holds[i].op == op)
            return &v->holds[i];
    return NULL;
}

const struct value_convert *history_convert(const struct value *v, const struct op *op)
{
    for (size_t i = 0; i < v->convert_count; i++)
        if (v->converts[i].op == op)
            return &v->converts[i];
    return NULL;
}

int history_waits(const struct value *v, const struct op *op)
{
    for (size_t i = 0; i < v->waiter_count; i++)
        if (v->waiters[i] == op)
            return (int)i;
    return -1;
}

static struct group *find_group(struct world *w, struct name *name, struct ballot ballot)
{
    struct group **at = &name->top;
    while (*at && ballot_compare((*at)->ballot, ballot) > 0)
        at = &(*at)->lower;
    if (*at && ballot_equal((*at)->ballot, ballot))
        return *at;
    struct group *g = pool_take(&w->pool, sizeof *g);
    g->name = name;
    g->ballot = ballot;
    g->lower = *at;
    *at = g;
    return g;
}

/* Whether a call for this name is out whose id is not yet known: a coordinator on the same machine
 * may act on it in the same turn, before its answer is carried out. */
static bool may_be_new(struct world *w, const struct name *name, struct op_id id)
{
    const struct machine *m = world_machine(w, id.slot);
    for (size_t i = 0; m && m->agent_up && i < CLIENTS_MAX; i++) {
        const struct client *c = &m->clients[i];
        if (c->state == CLIENT_ASKS && !c->op && c->name == name)
            return true;
    }
    return false;
}

struct op *history_op_named(struct world *w, struct name *name, struct op_id id)
{
    struct op *op = history_op(w, id);
    if (!op && may_be_new(w, name, id)) {
        op = add_op(w, id);
        op->machine = world_machine(w, id.slot);
        op->name = name;
    }
    if (!op || op->name != name)
        world_fail(w, EXIT_BROKEN, "S14", "a state of %s names operation %u/%llu/%llu: %s",
                   name->text, id.slot, (unsigned long long)id.life, (unsigned long long)id.counter,
                   op ? "it was asked for another name" : "no client asked for it");
    return op;
}

/* S14: what a holder tells of itself is what it said when it asked. */
static struct op *told_of(struct world *w, struct name *name, struct op_id id,
                          const struct lock_data *data)
{
    struct op *op = history_op_named(w, name, id);
    bool same = data->size == op->data.size &&
                (data->size == 0 || memcmp(data->bytes, op->data.bytes, data->size) == 0);
    if (op->accepted && !same)
        world_fail(w, EXIT_BROKEN, "S14", "%s: operation %llu of %s tells what it never said",
                   name->text, (unsigned long long)id.counter, op->machine->name);
    return op;
}

static void read_state(struct world *w, struct value *v)
{
    struct lock_state *s = &w->observer->scratch_state;
    struct name *name = v->group->name;
    if (!lock_decode(s, (struct view){v->bytes, v->size}))
        world_fail(w, EXIT_BROKEN, "S3", "a state of %s does not decode", name->text);
    v->token = s->token;
    v->generation = s->generation;
    v->born = s->born;
    v->broken = s->broken;
    v->mark = s->mark;
    v->valid = s->value.valid;
    v->written = s->value.token ? changes_written(w, name, &s->value) : NULL;
    v->hold_count = s->hold_count;
    v->convert_count = s->convert_count;
    v->waiter_count = s->waiter_count;
    v->holds = pool_take(&w->pool, (s->hold_count + 1) * sizeof *v->holds);
    v->converts = pool_take(&w->pool, (s->convert_count + 1) * sizeof *v->converts);
    v->waiters = pool_take(&w->pool, (s->waiter_count + 1) * sizeof *v->waiters);
    for (size_t i = 0; i < s->hold_count; i++)
        v->holds[i] = (struct value_hold){.op = told_of(w, name, s->holds[i].id, &s->holds[i].data),
                                          .mode = s->holds[i].mode,
                                          .limit = s->holds[i].limit,
                                          .token = s->holds[i].token,
                                          .changed = s->holds[i].changed};
    for (size_t i = 0; i < s->convert_count; i++)
        v->converts[i] = (struct value_convert){.op = history_op_named(w, name, s->converts[i].id),
                                                .change = s->converts[i].change,
                                                .mode = s->converts[i].mode,
                                                .limit = s->converts[i].limit};
    for (size_t i = 0; i < s->waiter_count; i++)
        v->waiters[i] = told_of(w, name, s->waiters[i].id, &s->waiters[i].data);
    if (s->waiter_count > 0) {
        v->head_mode = s->waiters[0].mode;
        v->head_limit = s->waiters[0].limit;
    }
}

static void insert(struct world *w, struct group *g, struct value *v)
{
    if (g->count == g->room)
        g->values = pool_grow(&w->pool, g->values, g->count, &g->room, sizeof *g->values);
    size_t at = g->count++;
    while (at > 0 && g->values[at - 1]->seq > v->seq) {
        g->values[at] = g->values[at - 1];
        at--;
    }
    g->values[at] = v;
}

struct value *history_value(struct world *w, struct view name_text, struct ballot ballot,
                            uint64_t seq, struct view state)
{
    struct name *name = history_name(w, name_text);
    struct group *g = find_group(w, name, ballot);
    for (size_t i = g->count; i-- > 0 && g->values[i]->seq >= seq;) {
        struct value *v = g->values[i];
        if (v->seq != seq)
            continue;
        if (!view_equal((struct view){v->bytes, v->size}, state))
            world_fail(w, EXIT_BROKEN, "S3", "two values of %s under %s", name->text,
                       value_text(v));
        return v;
    }
    struct value *v = pool_take(&w->pool, sizeof *v);
    v->group = g;
    v->seq = seq;
    v->size = state.size;
    v->bytes = pool_take(&w->pool, state.size);
    memcpy(v->bytes, state.bytes, state.size);
    read_state(w, v);
    insert(w, g, v);
    check_proposed(w, v);
    return v;
}
