/* Random numbers of a run: see random.h. */
#include "sim/random.h"

#include <string.h>

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void random_init(struct random *r, uint64_t seed, uint64_t stream)
{
    uint64_t x = seed;
    x = splitmix(&x) ^ stream * UINT64_C(0xd6e8feb86659fd93);
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&x);
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

uint64_t random_u64(struct random *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t random_below(struct random *r, uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)random_u64(r) * bound) >> 64);
}

int64_t random_between(struct random *r, int64_t low, int64_t high)
{
    return low + (int64_t)random_below(r, (uint64_t)(high - low) + 1);
}

struct span random_span(struct random *r, struct span low, struct span high)
{
    return (struct span){random_between(r, low.ns, high.ns)};
}

bool random_chance(struct random *r, uint32_t permille)
{
    return random_below(r, 1000) < permille;
}

void random_bytes(struct random *r, void *out, size_t size)
{
    uint8_t *at = out;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t v = random_u64(r);
        for (size_t k = 0; k < 8 && i + k < size; k++)
            at[i + k] = (uint8_t)(v >> 8 * k);
    }
}
