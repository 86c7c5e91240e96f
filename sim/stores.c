/* Faults of the stores: see stores.h. */
#include "sim/stores.h"

#include "sim/machine.h"
#include "sim/world.h"

#define BIT(i) (UINT32_C(1) << (i))

static const struct span told_within = SPAN_MS(12000); /* by SWIM's rounds, for up to nine */
static const struct range back_soon = {SPAN_MS(10), SPAN_MS(1500)};

/* Those that know of more commits than an old copy has: they heard of this machine long enough
 * after it had some. */
static uint32_t informed_of(const struct world *w, const struct machine *m,
                            const struct disk_copy *copy)
{
    uint32_t bits = 0;
    int64_t since = copy->passed_at > m->checked_at ? copy->passed_at : m->checked_at;
    if (m->checked_at == 0)
        return 0; /* it said nothing in its last run, and what was known before may be forgotten */
    for (size_t i = 0; i < w->machine_count; i++) {
        const struct machine *other = &w->machines[i];
        int64_t heard = w->observer->lives.heard_at[i][m->index];
        if (i != m->index && other->agent_up && other->votes && !other->foreign &&
            heard >= since + told_within.ns)
            bits |= BIT(i);
    }
    return bits;
}

bool stores_can_tell(const struct world *w, uint32_t informed)
{
    size_t ignorant = w->machine_count - 1 - (size_t)__builtin_popcount(informed);
    return ignorant < w->machine_count / 2;
}

/* Only others can tell that a store is an old copy; the observer knows it at once. */
static bool roll_back(struct world *w, struct machine *m)
{
    const struct disk_copy *copy = disk_old_copy(w, &m->disk);
    if (!copy)
        return false;
    m->informed = informed_of(w, m, copy);
    if (!stores_can_tell(w, m->informed))
        return false;
    disk_roll_back(w, &m->disk, copy);
    m->rolled_back = true;
    m->votes = false;
    m->epoch++;
    observer_store_lost(w, m);
    image_lose(m);
    return true;
}

void stores_take(struct world *w, struct machine *m, enum fault_kind kind)
{
    size_t bearable = w->cluster->cohorts.size - w->cluster->majority;
    if (m->store_excused || m->foreign)
        return;
    if (w->faults.stores_destroyed >= bearable && !w->p.beyond)
        return;
    bool taken = kind == FAULT_STORE_LOST   ? (disk_lose(&m->disk), true)
                 : kind == FAULT_STORE_BACK ? roll_back(w, m)
                                            : disk_damage(&m->disk);
    if (!taken)
        return;
    m->store_excused = true;
    w->faults.stores_destroyed++;
    world_trace(w, "%s: %s", m->name, fault_text(kind));
}

/* Its log says whose it is, so that another's agent will not take it for a new one. */
static bool can_swap(const struct machine *m)
{
    return !m->foreign && !m->store_excused && disk_bound(&m->disk);
}

static void boot_soon(struct world *w, const struct machine *m)
{
    world_plan(w, random_span(&w->faults.detail, back_soon.low, back_soon.high),
               (struct item){.kind = HAPPEN_BOOT, .machine = m->index});
}

void stores_swap(struct world *w, struct fault *f, struct machine *m)
{
    size_t i = 1 + random_below(&w->faults.detail, w->machine_count - 1);
    struct machine *other = &w->machines[(m->index + i) % w->machine_count];
    machine_power_crash(w, m);
    machine_power_crash(w, other);
    f->bits = BIT(m->index) | BIT(other->index);
    boot_soon(w, m);
    boot_soon(w, other);
    if (!can_swap(m) || !can_swap(other))
        return;
    world_trace(w, "%s and %s: disks swapped", m->name, other->name);
    disk_swap(&m->disk, &other->disk);
    m->foreign = other->foreign = f->swapped = true;
}

void stores_swap_back(struct world *w, struct fault *f)
{
    struct machine *pair[2];
    size_t count = 0;
    for (size_t i = 0; i < w->machine_count && count < 2; i++)
        if (f->bits & BIT(i))
            pair[count++] = &w->machines[i];
    if (count < 2 || !f->swapped)
        return;
    f->swapped = false;
    disk_swap(&pair[0]->disk, &pair[1]->disk);
    for (size_t i = 0; i < 2; i++) {
        pair[i]->foreign = false;
        machine_plan_start(w, pair[i], back_soon.low);
    }
}
