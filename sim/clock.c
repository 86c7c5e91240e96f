/* The clock of one machine: see clock.h. */
#include "sim/clock.h"

enum { MILLION = 1000000 };

/* In two steps, since a day of nanoseconds times a million does not fit. */
static int64_t scaled(int64_t ns, int64_t numerator, int64_t denominator)
{
    return ns / denominator * numerator + ns % denominator * numerator / denominator;
}

void clock_start(struct clock *c, int64_t now, int64_t shows)
{
    c->world_at = c->stopped_at = now;
    c->shows = shows;
    c->stands = false;
}

struct instant clock_read(const struct clock *c, int64_t now)
{
    int64_t passed = c->stands ? 0 : now - c->world_at;
    return (struct instant){c->shows + passed + scaled(passed, c->rate_ppm, MILLION)};
}

void clock_stop(struct clock *c, int64_t now)
{
    if (c->stands)
        return;
    c->shows = clock_read(c, now).ns;
    c->stopped_at = now;
    c->stands = true;
}

void clock_go_on(struct clock *c, int64_t now)
{
    if (!c->stands)
        return;
    c->stands = false;
    c->world_at = now;
}

int64_t clock_when(const struct clock *c, int64_t now, struct instant reading)
{
    if (clock_read(c, now).ns >= reading.ns)
        return now;
    if (c->stands || reading.ns == INT64_MAX)
        return INT64_MAX;
    int64_t ahead = reading.ns - c->shows;
    int64_t at = c->world_at + scaled(ahead, MILLION, MILLION + c->rate_ppm);
    while (clock_read(c, at).ns < reading.ns)
        at++; /* rounding: a nanosecond or two */
    return at > now ? at : now;
}

int64_t clock_ago(const struct clock *c, int64_t now, struct span span)
{
    int64_t reading = clock_read(c, now).ns - span.ns;
    if (reading < c->shows)
        return c->stopped_at - scaled(c->shows - reading, MILLION, MILLION + c->rate_ppm);
    return c->world_at + scaled(reading - c->shows, MILLION, MILLION + c->rate_ppm);
}
