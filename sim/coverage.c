/* Coverage: see coverage.h. */
#include "sim/coverage.h"

#include "sim/check.h"
#include "sim/machine.h"
#include "sim/world.h"

#define BIT(i) (UINT32_C(1) << (i))

/* A message tells of its phase for so long; the rest is looked up no more often than this. */
static const struct span message_span = SPAN_MS(200);
static const struct span look_span = SPAN_MS(10);

static const struct {
    const char *text;
    const char *cells;
} rows[] = {
#define COVER_TEXT(NAME, text, cells) {text, cells},
    COVER_ROWS(COVER_TEXT)
#undef COVER_TEXT
};

static const char *const phase_texts[] = {
#define PHASE_TEXT(NAME, text) text,
    PHASES(PHASE_TEXT)
#undef PHASE_TEXT
};

void coverage_message(struct world *w, enum wire_type type)
{
    struct phases *p = &w->phases;
    if (type == WIRE_PREPARE || type == WIRE_PROMISE || type == WIRE_READ || type == WIRE_STORED)
        p->ballot_at = w->now;
    else if (type == WIRE_FORGET || type == WIRE_FORGOTTEN)
        p->forget_at = w->now;
    else if (type == WIRE_ACCUSE || type == WIRE_SUSPECT)
        p->accused_at = w->now;
}

static bool just_now(const struct world *w, int64_t at)
{
    return at && w->now - at <= message_span.ns;
}

static bool asking(const struct machine *m)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        enum client_state s = m->clients[i].state;
        if (s == CLIENT_ASKS || s == CLIENT_DROPS || s == CLIENT_CANCELS)
            return true;
    }
    return false;
}

static bool suspects(const struct world *w, const struct machine *m)
{
    struct member_view view;
    for (size_t i = 0; m->agent_up && i < w->machine_count; i++) {
        peer_member(m->peer, cluster_slot(i), &view);
        if (view.state == MEMBER_SUSPECT)
            return true;
    }
    return false;
}

/* A life that counts, with votes against it that nobody has acted on. */
static bool ordering(const struct world *w, const struct machine *m)
{
    const struct lives *lives = &w->observer->lives;
    uint64_t n = lives->highest[m->index];
    const struct life *life = &lives->of[m->index][n];
    return n > lives->covered[m->index] && life->votes && !life->executors;
}

static bool executing(const struct world *w)
{
    for (size_t i = 0; i < DEVICE_RUNS_MAX; i++)
        if (w->devices.runs[i].active)
            return true;
    return false;
}

static bool regranting(const struct world *w)
{
    const struct history *h = &w->observer->history;
    for (size_t i = 0; i < h->name_count; i++) {
        const struct value *v = h->names[i]->jammed ? NULL : h->names[i]->chosen;
        for (size_t k = 0; v && k < v->hold_count; k++) {
            const struct op *op = v->holds[k].op;
            if (op->id.life <= w->observer->lives.covered[op->machine->index])
                return true;
        }
    }
    return false;
}

static uint32_t under_way(const struct world *w)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < w->machine_count; i++) {
        const struct machine *m = &w->machines[i];
        bits |= asking(m) ? BIT(PHASE_ASKING) : 0;
        bits |= suspects(w, m) ? BIT(PHASE_SUSPICION) : 0;
        bits |= ordering(w, m) ? BIT(PHASE_ORDER) : 0;
        bits |= m->powered && m->ready_life == 0 ? BIT(PHASE_REBOOT) : 0;
    }
    bits |= just_now(w, w->phases.ballot_at) ? BIT(PHASE_BALLOT) : 0;
    bits |= just_now(w, w->phases.forget_at) ? BIT(PHASE_FORGET) : 0;
    bits |= just_now(w, w->phases.accused_at) ? BIT(PHASE_SUSPICION) : 0;
    bits |= executing(w) ? BIT(PHASE_EXECUTION) : 0;
    bits |= regranting(w) ? BIT(PHASE_REGRANT) : 0;
    return bits ? bits : BIT(PHASE_STEADY);
}

void coverage_hit(struct world *w, enum cover_row row)
{
    struct phases *p = &w->phases;
    if (w->calm)
        return;
    if (!p->cached || w->now - p->cached_at > look_span.ns) {
        p->cached = under_way(w);
        p->cached_at = w->now;
    }
    for (size_t i = 0; i < PHASE_COUNT; i++)
        w->figures.coverage.cells[row][i] += p->cached >> i & 1;
}

void coverage_fault(struct world *w, enum fault_kind kind)
{
    static const enum cover_row row_of[] = {
#define FAULT_ROW(NAME, row, text) COVER_##row,
        FAULTS(FAULT_ROW)
#undef FAULT_ROW
    };
    w->figures.coverage.kinds[kind]++;
    w->phases.cached = 0;
    coverage_hit(w, row_of[kind]);
    w->phases.cached = 0;
}

void coverage_change(struct world *w, enum change_kind kind, enum cover_end end)
{
    w->figures.coverage.changes[kind][end]++;
}

void coverage_relay(struct world *w, enum cover_relay what)
{
    w->figures.coverage.relays[what]++;
}

void coverage_readers(struct world *w, enum cover_readers what)
{
    w->figures.coverage.readers[what]++;
}

void coverage_add(struct coverage *sum, const struct coverage *more)
{
    for (size_t i = 0; i < COVER_COUNT; i++)
        for (size_t k = 0; k < PHASE_COUNT; k++)
            sum->cells[i][k] += more->cells[i][k];
    for (size_t i = 0; i < FAULT_KINDS; i++)
        sum->kinds[i] += more->kinds[i];
    for (size_t i = 0; i < CHANGES; i++)
        for (size_t k = 0; k < COVER_ENDS; k++)
            sum->changes[i][k] += more->changes[i][k];
    for (size_t i = 0; i < COVER_RELAY_COUNT; i++)
        sum->relays[i] += more->relays[i];
    for (size_t i = 0; i < COVER_READERS_COUNT; i++)
        sum->readers[i] += more->readers[i];
}

size_t coverage_missing(const struct coverage *c)
{
    size_t missing = 0;
    for (size_t i = 0; i < COVER_COUNT; i++)
        for (size_t k = 0; k < PHASE_COUNT; k++)
            missing += rows[i].cells[k] != '-' && c->cells[i][k] == 0;
    for (size_t i = 0; i < CHANGES; i++)
        for (size_t k = 0; k < COVER_ENDS; k++)
            missing += c->changes[i][k] == 0;
    for (size_t i = 0; i < COVER_RELAY_COUNT; i++)
        missing += c->relays[i] == 0;
    for (size_t i = 0; i < COVER_READERS_COUNT; i++)
        missing += c->readers[i] == 0;
    return missing;
}

static void print_changes(const struct coverage *c, FILE *out)
{
    static const char *const ends[] = {
#define END_TEXT(NAME, text) text,
        CHANGE_ENDS(END_TEXT)
#undef END_TEXT
    };
    fprintf(out, "  changes:");
    for (size_t i = 0; i < CHANGES; i++)
        for (size_t k = 0; k < COVER_ENDS; k++)
            fprintf(out, "%s %s %s %llu", i || k ? "," : "",
                    k ? "" : check_change_text((enum change_kind)i), ends[k],
                    (unsigned long long)c->changes[i][k]);
    fputc('\n', out);
    for (size_t i = 0; i < CHANGES; i++)
        for (size_t k = 0; k < COVER_ENDS; k++)
            if (c->changes[i][k] == 0)
                fprintf(out, "  never reached: %s that is %s\n",
                        check_change_text((enum change_kind)i), ends[k]);
}

static void print_relays(const struct coverage *c, FILE *out)
{
    static const char *const texts[] = {
#define RELAY_TEXT(NAME, text) text,
        COVER_RELAYS(RELAY_TEXT)
#undef RELAY_TEXT
    };
    fprintf(out, "  relays:");
    for (size_t i = 0; i < COVER_RELAY_COUNT; i++)
        fprintf(out, "%s %s %llu", i ? "," : "", texts[i], (unsigned long long)c->relays[i]);
    fputc('\n', out);
    for (size_t i = 0; i < COVER_RELAY_COUNT; i++)
        if (c->relays[i] == 0)
            fprintf(out, "  never reached: %s\n", texts[i]);
}

static void print_readers(const struct coverage *c, FILE *out)
{
    static const char *const texts[] = {
#define READERS_TEXT(NAME, text) text,
        COVER_READERS(READERS_TEXT)
#undef READERS_TEXT
    };
    fprintf(out, "  readers under one cached hold:");
    for (size_t i = 0; i < COVER_READERS_COUNT; i++)
        fprintf(out, "%s %s %llu", i ? "," : "", texts[i], (unsigned long long)c->readers[i]);
    fputc('\n', out);
    for (size_t i = 0; i < COVER_READERS_COUNT; i++)
        if (c->readers[i] == 0)
            fprintf(out, "  never reached: %s\n", texts[i]);
}

void coverage_print(const struct coverage *c, FILE *out)
{
    fprintf(out, "%-46s", "coverage: fault x phase");
    for (size_t k = 0; k < PHASE_COUNT; k++)
        fprintf(out, "%9s", phase_texts[k]);
    for (size_t i = 0; i < COVER_COUNT; i++) {
        fprintf(out, "\n  %-44s", rows[i].text);
        for (size_t k = 0; k < PHASE_COUNT; k++)
            if (rows[i].cells[k] == '-' && c->cells[i][k] == 0)
                fprintf(out, "%9s", "-");
            else
                fprintf(out, "%9llu", (unsigned long long)c->cells[i][k]);
    }
    fprintf(out, "\n  faults that began:");
    for (size_t i = 0; i < FAULT_KINDS; i++)
        fprintf(out, "%s %s %llu", i ? "," : "", fault_text((enum fault_kind)i),
                (unsigned long long)c->kinds[i]);
    fputc('\n', out);
    for (size_t i = 0; i < COVER_COUNT; i++)
        for (size_t k = 0; k < PHASE_COUNT; k++)
            if (rows[i].cells[k] != '-' && c->cells[i][k] == 0)
                fprintf(out, "  never reached: %s during %s\n", rows[i].text, phase_texts[k]);
    print_changes(c, out);
    print_relays(c, out);
    print_readers(c, out);
    fprintf(out, "  %zu cells that apply were not reached\n", coverage_missing(c));
}
