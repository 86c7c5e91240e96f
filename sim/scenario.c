/* Directed scenarios: see scenario.h. The plays are in plays.c. */
#include "sim/scenario.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/plays.h"
#include "sim/step.h"
#include "sim/world.h"

#include <string.h>

static const struct span first_step = SPAN_MS(8000); /* all have booted and met */
static const struct span between = SPAN_MS(20);
static const struct span patience = SPAN_MS(70000);

size_t scenario_count(void)
{
    return plays_count();
}

const char *scenario_name(size_t index)
{
    return plays_get(index)->name;
}

const char *scenario_text(size_t index)
{
    return plays_get(index)->text;
}

int scenario_mutant(size_t index)
{
    return plays_get(index)->mutant;
}

int scenario_find(const char *name)
{
    for (size_t i = 0; i < plays_count(); i++)
        if (strcmp(plays_get(i)->name, name) == 0) {
            for (size_t k = i + 1; k < plays_count(); k++)
                must(strcmp(plays_get(k)->name, name) != 0); /* else that one is never played */
            return (int)i;
        }
    return -1;
}

void scenario_shape(struct parameters *p, size_t index)
{
    const struct play *play = plays_get(index);
    p->profile = play->name;
    p->nodes = 5;
    p->cohort = 5;
    p->shards = 4;
    p->served = 512;
    p->registers = 0;
    p->forget_span = (struct span){0};
    p->clients = 0;
    p->cancel_permille = 0;
    p->loss_permille = p->bad_loss_permille = p->duplicate_permille = p->late_permille = 0;
    p->corrupt_permille = 0;
    if (p->clock_ppm > CLOCK_RATE_PPM) /* A2 */
        p->clock_ppm = CLOCK_RATE_PPM;
    p->sync = (struct range){{200000}, SPAN_MS(5)};
    p->detect_ms = 2000;
    p->brake_span = SPAN_MS(20000);
    p->stop_on_isolation = true;
    p->stop_high = SPAN_MS(500);
    p->stuck_permille = p->accident_permille = p->life_crash_permille = 0;
    p->back_permille = 1000;
    p->forgeries = 0;
    p->operators = 0;
    p->ladder = false;
    p->watchdog = false;
    p->extra_seconds = play->seconds;
    for (int i = 0; i < DEVICE_MOODS; i++)
        p->devices[i] = 0;
    p->devices[play->device] = 1;
    if (play->shape)
        play->shape(p);
}

static void plan(struct world *w, struct span after)
{
    world_plan(w, after, (struct item){.kind = HAPPEN_SCRIPT});
}

void scenario_open(struct world *w, size_t index)
{
    w->script = (struct script){.playing = true, .index = index};
    plan(w, first_step);
}

bool scenario_mutes(struct world *w, const struct machine *m)
{
    struct script *s = &w->script;
    if (!s->mutes)
        return false;
    s->mutes = false;
    s->c = m->index;
    step_isolate(w, m->index, 1);
    world_trace(w, "play: %s is cut off", m->name);
    return true;
}

void scenario_step(struct world *w)
{
    struct script *s = &w->script;
    const struct play *play = plays_get(s->index);
    if (s->since == 0)
        s->since = w->now;
    while (s->playing && play->steps[s->step].happens(w, s)) {
        world_trace(w, "play: %s", play->steps[s->step].text);
        s->since = w->now;
        s->playing = play->steps[++s->step].happens != NULL;
    }
    if (!s->playing)
        return;
    if (w->now - s->since > patience.ns || w->calm)
        world_fail(w, EXIT_BROKEN, "play", "%s: it did not come to this: %s", play->name,
                   play->steps[s->step].text);
    plan(w, between);
}

void scenario_end(struct world *w)
{
    const struct play *play = w->script.playing ? plays_get(w->script.index) : NULL;
    if (play)
        world_fail(w, EXIT_BROKEN, "play", "%s: it did not come to this: %s", play->name,
                   play->steps[w->script.step].text);
}
