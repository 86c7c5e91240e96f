/*
 * Full tables of fencing: what nothing comes of keeps nobody else out. One peer by hand, in a
 * cluster of many, that never hears of the others.
 */
#include <check.h>
#include <stdlib.h>

#include "proto/peer_internal.h"
#include "proto/places.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_places(void);

static struct roster roster;
static struct peer_config config;
static struct key_pair key;
static struct peer *peer;
static struct instant now;

/* Node 0 of so many. */
static void begin(size_t nodes)
{
    fixture_roster(&roster, nodes, 1);
    key = fixture_key(0);
    peer_config_default(&config);
    config.roster = &roster;
    config.roster_digest = fixture_digest(&roster);
    memcpy(config.cluster.bytes, config.roster_digest.bytes, DIGEST_SIZE);
    config.self = roster.nodes[0].slot;
    config.key = &key;
    config.max_locks = config.max_ops = 64;
    size_t size = peer_size(&config);
    void *memory = malloc(size);
    memset(memory, 0xa5, size); /* nothing rests on what is in it */
    peer = peer_init(memory, &config);
    peer->core.store = STORE_VOTING;
    peer->core.life = 1;
    peer->core.life_known = true;
    peer->core.now = now = (struct instant){INT64_C(100000000000)};
}

static void end(void)
{
    free(peer);
}

static void pass(int64_t ms)
{
    struct outbox_entry entry;
    while (outbox_next(&peer->core.outbox, &entry))
        ;
    told_clear(&peer->core.told);
    peer->core.now = now = instant_after(now, SPAN_MS(ms));
}

/* --- How many --- */

START_TEST(by_the_roster)
{
    static const struct {
        size_t nodes, orders, asked;
    } rows[] = {{3, 64, 16},      {64, 64, 16},     {136, 68, 34},
                {1000, 500, 250}, {1024, 512, 256}, {10240, 512, 256}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture_roster(&roster, rows[i].nodes < 64 ? rows[i].nodes : 64, 1);
        roster.node_count = rows[i].nodes; /* of the others nothing is asked */
        ck_assert_uint_eq(places_orders(&roster), rows[i].orders);
        ck_assert_uint_eq(places_asked(&roster), rows[i].asked);
    }
}
END_TEST

/* --- Turns --- */

/* Three places' worth of time, five who ask in the same order each time: no one is left out. */
START_TEST(turns_go_round)
{
    enum { ALL = 5, ROUNDS = 40 };
    struct turn memory[ALL];
    struct turns t;
    int got[ALL] = {0}, last = -1;
    turns_init(&t, ALL, memory);
    now = (struct instant){INT64_C(100000000000)};
    for (int round = 0; round < ROUNDS; round++) {
        int taken = -1;
        now = instant_after(now, SPAN_MS(1000));
        for (int i = 0; i < ALL; i++)
            if (i != last && turns_next(&t, now, i) && taken < 0)
                taken = i;
        ck_assert_int_ge(taken, 0);
        turns_got(&t, now, taken);
        got[last = taken]++;
    }
    for (int i = 0; i < ALL; i++)
        ck_assert_int_ge(got[i], ROUNDS / ALL - 2);
    ck_assert(!turns_next(&t, now, -1)); /* nobody of the roster */
}
END_TEST

/* Who went away without a word is not waited for. */
START_TEST(turns_are_not_kept)
{
    struct turn memory[2];
    struct turns t;
    turns_init(&t, 2, memory);
    now = (struct instant){INT64_C(100000000000)};
    turns_got(&t, now, 0);
    ck_assert(turns_next(&t, now, 1));
    ck_assert(!turns_next(&t, now, 0));
    now = instant_after(now, SPAN_MS(6000));
    ck_assert(turns_next(&t, now, 0));
}
END_TEST

/* --- Accusations --- */

static const struct accusation *accusation_of(size_t node)
{
    const struct accuser *a = &peer->fencing.accuser;
    for (size_t i = 0; i < a->count; i++)
        if (a->table[i].used && a->table[i].slot == roster.nodes[node].slot)
            return &a->table[i];
    return NULL;
}

/* Locks of 39 dead nodes are waited for, and for none comes a proof: each is asked about again and
 * again, for a while each time, 16 at once. */
START_TEST(accusations_take_turns)
{
    enum { NODES = 40, SECONDS = 120 };
    struct accuser *a;
    size_t turns[NODES] = {0};
    int64_t since[NODES] = {0};
    begin(NODES);
    a = &peer->fencing.accuser;
    for (int second = 0; second < SECONDS; second++) {
        for (size_t i = 1; i < NODES; i++)
            accuser_note(a, now, roster.nodes[i].slot, 7, 7,
                         (struct view){(const uint8_t *)"image", 5});
        ck_assert_uint_eq(a->used, PLACES_ASKED);
        vigil_step(&peer->fencing.vigil, now);
        ck_assert_uint_eq(peer->fencing.vigil.used, PLACES_ASKED);
        for (size_t i = 1; i < NODES; i++) {
            const struct accusation *c = accusation_of(i);
            if (since[i] && (!c || c->placed.ns != since[i]))
                ck_assert_int_ge(now.ns - since[i], SPAN_MS(5000).ns);
            turns[i] += c && c->placed.ns != since[i];
            since[i] = c ? c->placed.ns : 0;
        }
        pass(1000);
        accuser_step(a, now);
    }
    for (size_t i = 1; i < NODES; i++) /* 15 s for all to have one */
        ck_assert_uint_ge(turns[i], SECONDS / 15 - 1);
    end();
}
END_TEST

/* While there is room nobody gives way. */
START_TEST(no_turns_while_there_is_room)
{
    begin(PLACES_ASKED + 1);
    for (int second = 0; second < 30; second++) {
        for (size_t i = 1; i <= PLACES_ASKED; i++)
            accuser_note(&peer->fencing.accuser, now, roster.nodes[i].slot, 7, 7,
                         (struct view){(const uint8_t *)"image", 5});
        pass(1000);
        accuser_step(&peer->fencing.accuser, now);
    }
    for (size_t i = 1; i <= PLACES_ASKED; i++)
        ck_assert_int_eq(accusation_of(i)->placed.ns, INT64_C(100000000000));
    end();
}
END_TEST

/* --- Executions --- */

static enum docket_news offer(size_t target)
{
    struct order order = fixture_order(&roster, target);
    struct order_cert cert =
        fixture_order_cert(&order, 0, roster_juror_quorum(&roster), 1u << 1, &config.cluster);
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, &cert);
    return docket_offer(&peer->fencing.docket, now, (struct view){bytes, writer_size(&w)},
                        (struct view){0}, NULL);
}

static struct execution *execution_of(size_t node)
{
    struct executor *x = &peer->fencing.executor;
    for (size_t i = 0; i < x->count; i++)
        if (x->table[i].used && x->table[i].slot == roster.nodes[node].slot)
            return &x->table[i];
    return NULL;
}

/* Half of 136 nodes lie dead, each of their devices too: every execution failed, and waits for the
 * end of its life. The next order is acted on all the same, as soon as one of them is over. */
START_TEST(failed_executions_keep_nobody_out)
{
    enum { NODES = 136, ORDERS = NODES / 2, FIRST = 40 };
    begin(NODES);
    struct executor *x = &peer->fencing.executor;
    for (size_t i = 0; i < ORDERS; i++) {
        ck_assert_int_eq(offer(FIRST + i), DOCKET_NEW);
        executor_look(x, now);
        struct execution *e = execution_of(FIRST + i);
        ck_assert_ptr_nonnull(e);
        ck_assert_int_eq(e->phase, EXECUTION_ASKING);
        e->phase = EXECUTION_OVER;
        e->written = true;
        e->again_at = INSTANT_NEVER;
        pass(1000);
    }
    ck_assert_uint_eq(x->used, ORDERS);
    ck_assert_int_eq(offer(FIRST + ORDERS), DOCKET_REFUSED);
    uint8_t bytes[PROOF_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    struct proof proof = fixture_end(FIRST, 8, &config.cluster);
    proof_encode(&w, &proof);
    ck_assert_int_eq(
        proofs_offer(&peer->fencing.proofs, now, (struct view){bytes, writer_size(&w)}, NULL),
        PROOFS_NEW);
    fencing_settle(&peer->fencing, now);
    ck_assert_int_eq(executor_deadline(x).ns, now.ns); /* there is a place: it looks */
    ck_assert_int_eq(offer(FIRST + ORDERS), DOCKET_NEW);
    executor_step(x, now);
    ck_assert_int_eq(execution_of(FIRST + ORDERS)->phase, EXECUTION_ASKING);
    ck_assert_ptr_null(execution_of(FIRST));
    ck_assert_uint_eq(x->used, ORDERS);
    end();
}
END_TEST

Suite *suite_places(void)
{
    Suite *s = suite_create("places");
    TCase *c = tcase_create("places");
    tcase_add_test(c, by_the_roster);
    tcase_add_test(c, turns_go_round);
    tcase_add_test(c, turns_are_not_kept);
    tcase_add_test(c, accusations_take_turns);
    tcase_add_test(c, no_turns_while_there_is_room);
    tcase_add_test(c, failed_executions_keep_nobody_out);
    suite_add_tcase(s, c);
    return s;
}
