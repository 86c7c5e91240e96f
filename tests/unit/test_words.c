/* What keeps a large membership small: signed words kept once, instants in six bytes, news that
 * gives way, digests of parts. */
#include <check.h>
#include <stdlib.h>

#include "crypto/statement.h"
#include "proto/gossip.h"
#include "proto/members.h"
#include "proto/swim.h"
#include "proto/words.h"

Suite *suite_words(void);

enum { MEMBERS = 3, MANY = 100, PART = 7, OUTBOX_SIZE = 1 << 20 };

static struct wire_alive word_of(uint16_t slot, uint64_t life, uint32_t incarnation)
{
    return (struct wire_alive){.slot = slot, .life = life, .incarnation = incarnation};
}

static void *open_words(struct words *w, size_t room)
{
    void *memory = malloc(words_bytes(MEMBERS, room));
    ck_assert_ptr_nonnull(memory);
    words_init(w, memory, MEMBERS, room);
    return memory;
}

START_TEST(equal_words_are_there_once)
{
    struct words w;
    void *memory = open_words(&w, words_room(MEMBERS));
    struct wire_alive a = word_of(1, 1, 0), b = word_of(1, 1, 1);
    uint32_t first = words_keep(&w, 0, &a);
    ck_assert_uint_eq(words_keep(&w, 0, &a), first);
    ck_assert_uint_ne(words_keep(&w, 0, &b), first);
    ck_assert_uint_ne(words_keep(&w, 1, &a), first); /* of another member */
    ck_assert_uint_eq(words_get(&w, first)->incarnation, 0);
    ck_assert_uint_eq(words_get(&w, 0)->life, 0); /* no word */
    free(memory);
}
END_TEST

START_TEST(each_field_makes_another_word)
{
    struct words w;
    void *memory = open_words(&w, 16);
    struct wire_alive word = word_of(1, 1, 0);
    uint32_t seen[5] = {words_keep(&w, 0, &word)};
    word.left = true;
    seen[1] = words_keep(&w, 0, &word);
    word.life_nonce.bytes[15] = 1;
    seen[2] = words_keep(&w, 0, &word);
    word.signature.bytes[63] = 1;
    seen[3] = words_keep(&w, 0, &word);
    word.life = 2;
    seen[4] = words_keep(&w, 0, &word);
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_uint_ne(seen[i], seen[k]);
    free(memory);
}
END_TEST

START_TEST(room_of_dropped_words_is_used_again)
{
    struct words w;
    void *memory = open_words(&w, words_room(MEMBERS));
    uint32_t held[MEMBERS] = {0};
    for (uint32_t incarnation = 0; incarnation < 1000; incarnation++) {
        size_t member = incarnation % MEMBERS;
        struct wire_alive word = word_of((uint16_t)member, 1, incarnation);
        uint32_t next = words_keep(&w, member, &word);
        words_drop(&w, member, held[member]);
        held[member] = next;
        for (size_t i = 0; i < MEMBERS && incarnation >= MEMBERS; i++)
            ck_assert_uint_eq(words_get(&w, held[i])->slot, i);
    }
    free(memory);
}
END_TEST

START_TEST(word_lives_until_its_last_user_drops_it)
{
    struct words w;
    void *memory = open_words(&w, words_room(MEMBERS));
    struct wire_alive word = word_of(1, 1, 0), other = word_of(1, 2, 0);
    uint32_t reference = words_keep(&w, 0, &word);
    words_keep(&w, 0, &word);
    words_drop(&w, 0, reference);
    ck_assert_uint_ne(words_keep(&w, 0, &other), reference);
    ck_assert_uint_eq(words_get(&w, reference)->life, 1);
    words_drop(&w, 0, reference);
    other.life = 3;
    ck_assert_uint_eq(words_keep(&w, 0, &other), reference);
    free(memory);
}
END_TEST

START_TEST(known_is_the_very_word_that_is_kept)
{
    struct words w;
    void *memory = open_words(&w, words_room(MEMBERS));
    struct wire_alive word = word_of(1, 1, 0), forged = word;
    ck_assert(!words_known(&w, 0, &word));
    uint32_t reference = words_keep(&w, 0, &word);
    ck_assert(words_known(&w, 0, &word));
    ck_assert(!words_known(&w, 1, &word));
    forged.signature.bytes[0] = 1;
    ck_assert(!words_known(&w, 0, &forged));
    *words_hash(&w, reference) = 5;
    words_drop(&w, 0, reference);
    ck_assert(!words_known(&w, 0, &word));
    ck_assert_uint_eq(words_keep(&w, 0, &forged), reference); /* its room is used again */
    ck_assert_uint_eq(*words_hash(&w, reference), 0);
    free(memory);
}
END_TEST

START_TEST(brief_instants)
{
    struct instant even = {INT64_C(123456789012000)}, odd = {even.ns + 1};
    ck_assert_int_eq(brief_instant(brief_floor(even)).ns, even.ns);
    ck_assert_int_eq(brief_instant(brief_ceiling(even)).ns, even.ns);
    ck_assert_int_eq(brief_instant(brief_floor(odd)).ns, even.ns);
    ck_assert_int_eq(brief_instant(brief_ceiling(odd)).ns, even.ns + 4000);
    ck_assert_int_eq(brief_instant(brief_floor((struct instant){0})).ns, 0);
    ck_assert_int_eq(brief_instant(brief_ceiling(INSTANT_NEVER)).ns, INT64_MAX);
    /* 35 years of uptime; beyond them everything is "never". */
    struct instant years = {INT64_C(35) * 365 * 86400 * 1000000000};
    ck_assert_int_eq(brief_instant(brief_floor(years)).ns, years.ns);
    ck_assert_int_eq(brief_instant(brief_floor((struct instant){2 * years.ns})).ns, INT64_MAX);
}
END_TEST

START_TEST(full_news_lets_go_of_what_was_told_most)
{
    enum { CLUSTER = 10000 };
    size_t room = gossip_room(CLUSTER);
    ck_assert_uint_lt(room, CLUSTER);
    ck_assert_uint_eq(gossip_room(GOSSIP_ROOM_MAX), GOSSIP_ROOM_MAX);
    void *memory = malloc(gossip_bytes(CLUSTER));
    ck_assert_ptr_nonnull(memory);
    struct gossip news;
    uint16_t picked[GOSSIP_PER_DATAGRAM];
    gossip_init(&news, memory, CLUSTER);
    for (size_t i = 0; i < room; i++)
        gossip_add(&news, (uint16_t)i);
    gossip_pick(&news, GOSSIP_NOBODY, picked,
                GOSSIP_PER_DATAGRAM); /* the newest six are told once */
    gossip_add(&news, (uint16_t)room);
    ck_assert_uint_eq(news.count, room);
    size_t told = 0;
    for (size_t i = 0; i < room; i++)
        told += news.items[i].sent == 1;
    ck_assert_uint_eq(told, GOSSIP_PER_DATAGRAM - 1);
    gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM);
    ck_assert_uint_eq(picked[0], room);
    free(memory);
}
END_TEST

/* One swim of a hundred, and what it says. */
struct one {
    struct roster roster;
    struct key_pair keys[MANY];
    struct cluster_id cluster;
    struct outbox outbox;
    struct drbg drbg;
    struct swim *swim;
    uint8_t outbox_memory[OUTBOX_SIZE];
};

static struct instant now = {1000000000};

static struct wire_alive signed_word(const struct one *o, size_t index)
{
    uint8_t statement[MEMBER_STATEMENT_SIZE];
    struct wire_alive word = word_of(o->roster.nodes[index].slot, 1, 0);
    wire_member_statement(statement, &word);
    word.signature =
        statement_sign(STATEMENT_MEMBER, &o->cluster, statement, sizeof statement, &o->keys[index]);
    return word;
}

static struct one *one_begin(void)
{
    struct one *o = calloc(1, sizeof *o);
    ck_assert_ptr_nonnull(o);
    o->roster.node_count = MANY;
    for (size_t i = 0; i < MANY; i++) {
        uint8_t seed[KEY_SEED_SIZE] = {(uint8_t)i, 1};
        key_pair_make(&o->keys[i], seed);
        o->roster.nodes[i].slot = (uint16_t)(5 * i + 2);
        o->roster.nodes[i].key = o->keys[i].public;
    }
    drbg_init(&o->drbg, (const uint8_t[DRBG_SEED_SIZE]){1});
    outbox_init(&o->outbox, o->outbox_memory, OUTBOX_SIZE, 0);
    struct swim_config config = {.roster = &o->roster,
                                 .self = o->roster.nodes[0].slot,
                                 .key = &o->keys[0],
                                 .timing = swim_timing_default()};
    o->swim = swim_init(malloc(swim_size(&config)), &config, &o->outbox, &o->drbg);
    for (size_t i = 1; i < MANY; i++) {
        struct wire_alive word = signed_word(o, i);
        swim_recall(o->swim, now, &word);
    }
    swim_start(o->swim, now, 1, &(struct nonce){{0}});
    return o;
}

static void one_end(struct one *o)
{
    free(o->swim);
    free(o);
}

/* Gives it a digest, and says how many messages of `type` it answers. */
static size_t answers(struct one *o, struct wire_digest digest, enum wire_type type,
                      struct message *last)
{
    struct outbox_entry e;
    size_t count = 0;
    struct message m = {.type = WIRE_DIGEST, .digest = digest};
    swim_take(o->swim, now, o->roster.nodes[1].slot, &m);
    while (outbox_next(&o->outbox, &e)) {
        struct reader r = reader_init(e.bytes.bytes, e.bytes.size);
        ck_assert(wire_decode(&m, &r));
        if (m.type == type) {
            count++;
            *last = m;
        }
    }
    return count;
}

START_TEST(recalled_words_are_known_and_no_news)
{
    struct one *o = one_begin();
    struct member_view v;
    swim_view(o->swim, o->roster.nodes[MANY - 1].slot, &v);
    ck_assert_int_eq(v.state, MEMBER_ALIVE);
    ck_assert_uint_eq(v.life, 1);
    ck_assert_int_eq(v.heard.ns, 0);
    /* The first probe tells of nobody but itself. */
    struct outbox_entry e;
    now = swim_deadline(o->swim);
    swim_step(o->swim, now);
    while (outbox_next(&o->outbox, &e)) {
        struct message m;
        struct reader r = reader_init(e.bytes.bytes, e.bytes.size);
        ck_assert(wire_decode(&m, &r));
        ck_assert(m.type != WIRE_ALIVE || m.alive.slot == o->roster.nodes[0].slot);
    }
    one_end(o);
}
END_TEST

START_TEST(large_difference_is_answered_by_digests_of_parts)
{
    struct one *o = one_begin();
    struct message last;
    /* A hundred members: parts of seven, the last of two. */
    size_t count = answers(o, (struct wire_digest){.hash = 1, .ask = true}, WIRE_DIGEST, &last);
    ck_assert_uint_eq(count, (MANY + PART - 1) / PART);
    ck_assert_uint_eq(last.digest.first, MANY - MANY % PART);
    ck_assert_uint_eq(last.digest.count, MANY % PART);
    ck_assert(last.digest.ask);
    /* An equal part is not answered, one that differs is told. */
    ck_assert_uint_eq(answers(o, last.digest, WIRE_ALIVE, &last), 0);
    struct wire_digest part = {.hash = 1, .first = PART, .count = PART, .ask = true};
    ck_assert_uint_eq(answers(o, part, WIRE_ALIVE, &last), PART);
    ck_assert_uint_eq(last.alive.slot, o->roster.nodes[2 * PART - 1].slot);
    ck_assert_uint_eq(answers(o, part, WIRE_DIGEST, &last), 1);
    ck_assert(!last.digest.ask && last.digest.first == PART && last.digest.count == PART);
    part.ask = false;
    ck_assert_uint_eq(answers(o, part, WIRE_DIGEST, &last), 0);
    one_end(o);
}
END_TEST

START_TEST(part_beyond_the_roster_is_ignored)
{
    struct one *o = one_begin();
    struct message last;
    uint64_t ignored = swim_counters(o->swim)->words_ignored;
    struct wire_digest part = {.hash = 1, .first = MANY - 1, .count = 2, .ask = true};
    ck_assert_uint_eq(answers(o, part, WIRE_ALIVE, &last), 0);
    part = (struct wire_digest){.hash = 1, .first = UINT16_MAX, .ask = true};
    ck_assert_uint_eq(answers(o, part, WIRE_DIGEST, &last), 0);
    ck_assert_uint_eq(swim_counters(o->swim)->words_ignored, ignored + 2);
    one_end(o);
}
END_TEST

/* Two that share their words, and neither has verified the other's. */
START_TEST(forged_word_is_refused_also_where_the_true_one_is_kept)
{
    struct one *o = one_begin();
    struct words w;
    size_t room = words_room(MANY) + 1;
    void *memory = malloc(words_bytes(MANY, room)), *table = malloc(members_bytes(MANY));
    ck_assert_ptr_nonnull(memory);
    ck_assert_ptr_nonnull(table);
    words_init(&w, memory, MANY, room);
    struct members ms;
    members_init(&ms, &o->roster, &o->cluster, table, &w);
    struct wire_alive word = signed_word(o, 7), forged = word;
    forged.incarnation = 1;
    words_keep(&w, 7, &word);
    ck_assert_int_eq(members_judge_alive(&ms, 7, &word), WORD_NEW);
    ck_assert_int_eq(members_judge_alive(&ms, 7, &forged), WORD_FORGED);
    ck_assert_int_eq(members_judge_alive(&ms, 8, &word), WORD_FORGED);
    free(table);
    free(memory);
    one_end(o);
}
END_TEST

static void check_parts(const struct members *ms)
{
    for (size_t first = 0; first < MANY; first++) {
        uint64_t sum = 0;
        for (size_t count = 1; first + count <= MANY; count++) {
            sum ^= members_hash(ms, first + count - 1, 1);
            ck_assert_uint_eq(members_hash(ms, first, count), sum);
        }
    }
}

START_TEST(hash_of_a_part_is_that_of_its_members)
{
    struct one *o = one_begin();
    struct words w;
    size_t room = words_room(MANY);
    void *memory = malloc(words_bytes(MANY, room)), *table = malloc(members_bytes(MANY));
    ck_assert_ptr_nonnull(memory);
    ck_assert_ptr_nonnull(table);
    words_init(&w, memory, MANY, room);
    struct members ms;
    members_init(&ms, &o->roster, &o->cluster, table, &w);
    ck_assert_uint_eq(members_hash(&ms, 0, MANY), 0); /* of the unknown */
    for (size_t i = 0; i < MANY; i += 1 + i % 3) {
        struct wire_alive word = signed_word(o, i);
        members_set_alive(&ms, now, i, &word);
    }
    check_parts(&ms);
    uint64_t alive = members_hash(&ms, 31, 3);
    members_set_hearsay(&ms, now, 31, MEMBER_SUSPECT, 1);
    members_set_hearsay(&ms, now, 64, MEMBER_DEAD, 1);
    check_parts(&ms);
    ck_assert_uint_ne(members_hash(&ms, 31, 3), alive);
    struct wire_alive word = signed_word(o, 31);
    members_set_alive(&ms, now, 31, &word);
    check_parts(&ms);
    ck_assert_uint_eq(members_hash(&ms, 31, 3), alive);
    free(table);
    free(memory);
    one_end(o);
}
END_TEST

Suite *suite_words(void)
{
    Suite *suite = suite_create("words");
    TCase *t = tcase_create("kept");
    tcase_add_test(t, equal_words_are_there_once);
    tcase_add_test(t, each_field_makes_another_word);
    tcase_add_test(t, room_of_dropped_words_is_used_again);
    tcase_add_test(t, word_lives_until_its_last_user_drops_it);
    tcase_add_test(t, known_is_the_very_word_that_is_kept);
    tcase_add_test(t, brief_instants);
    tcase_add_test(t, full_news_lets_go_of_what_was_told_most);
    tcase_add_test(t, recalled_words_are_known_and_no_news);
    tcase_add_test(t, large_difference_is_answered_by_digests_of_parts);
    tcase_add_test(t, part_beyond_the_roster_is_ignored);
    tcase_add_test(t, forged_word_is_refused_also_where_the_true_one_is_kept);
    tcase_add_test(t, hash_of_a_part_is_that_of_its_members);
    suite_add_tcase(suite, t);
    return suite;
}
