/*
 * V6: no metastable state: after a loss burst in the core, or a herd of all its clients, the
 * probers complete at least 90 % of what they did before within 30 s of its end. In these seeds the
 * probers ask again as soon as they may. Goodput is counted in windows of 2 s; the usual one is the
 * mean before the trigger.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

enum { USUAL_LEAST = 10 };

static const struct span window = SPAN_MS(2000), recovery_high = SPAN_MS(30000);

/* Before the trigger. */
static void measure_usual(struct siege *s, uint64_t done)
{
    s->usual_sum += done;
    s->usual_count++;
}

static void measure_recovery(struct world *w, uint64_t done)
{
    struct siege *s = &w->siege;
    uint64_t usual = s->usual_count ? s->usual_sum / s->usual_count : 0;
    if (s->recovered || usual < USUAL_LEAST || w->now - window.ns < s->trigger_end)
        return;
    int64_t took = w->now - window.ns - s->trigger_end;
    uint64_t luck = 0; /* a count varies by its root */
    while ((luck + 1) * (luck + 1) <= usual)
        luck++;
    if ((done + luck) * 10 >= usual * 9) {
        s->recovered = true;
        live_note(&w->figures.live, LIVE_GOODPUT, took / 1000000);
    } else if (took > recovery_high.ns) {
        world_fail(w, EXIT_STUCK, "V6",
                   "%lld ms after a %s the core completes %llu calls in 2 s, and it was %llu",
                   (long long)took / 1000000, s->lossy ? "loss burst" : "herd",
                   (unsigned long long)done, (unsigned long long)usual);
    }
}

void check_goodput(struct world *w)
{
    struct siege *s = &w->siege;
    if (!s->herd || w->now < s->window_at + window.ns)
        return;
    uint64_t done = s->done - s->done_before;
    if (w->now <= s->trigger_at)
        measure_usual(s, done);
    else
        measure_recovery(w, done);
    s->done_before = s->done;
    s->window_at = w->now;
}
