/* What is known of each member: see members.h. */
#include "proto/members.h"

#include "crypto/hash.h"
#include "crypto/statement.h"
#include "proto/must.h"
#include "proto/mutant.h"

const char *member_state_text(enum member_state state)
{
    switch (state) {
    case MEMBER_UNKNOWN:
        return "unknown";
    case MEMBER_ALIVE:
        return "alive";
    case MEMBER_SUSPECT:
        return "suspect";
    case MEMBER_DEAD:
        return "dead";
    case MEMBER_LEFT:
        return "left";
    }
    return "invalid";
}

static size_t sums_of(size_t count)
{
    return (count + MEMBERS_SUMMED - 1) / MEMBERS_SUMMED;
}

size_t members_bytes(size_t count)
{
    return count * sizeof(struct member) + sums_of(count) * sizeof(uint64_t) + marks_bytes(count);
}

void members_init(struct members *ms, const struct roster *roster, const struct cluster_id *cluster,
                  void *memory, struct words *words)
{
    struct member *table = memory;
    *ms = (struct members){
        .roster = roster,
        .cluster = *cluster,
        .count = roster->node_count,
        .quiet_count = roster->node_count,
        .words = words,
        .table = table,
        .sums = (uint64_t *)(void *)(table + roster->node_count),
    };
    memset(ms->sums, 0, sums_of(ms->count) * sizeof *ms->sums);
    marks_init(&ms->vitals_new, ms->sums + sums_of(ms->count), ms->count);
    for (size_t i = 0; i < ms->count; i++) {
        table[i] = (struct member){
            .state = MEMBER_UNKNOWN,
            .by = SLOT_NONE,
            .accused_by = SLOT_NONE,
            .due = brief_ceiling(INSTANT_NEVER),
        };
    }
}

int members_find(const struct members *ms, uint16_t slot)
{
    return roster_find(ms->roster, slot);
}

uint16_t members_slot(const struct members *ms, size_t index)
{
    return ms->roster->nodes[index].slot;
}

const struct wire_alive *members_word(const struct members *ms, size_t index)
{
    return words_get(ms->words, ms->table[index].word);
}

bool members_live(const struct members *ms, size_t index)
{
    enum member_state state = ms->table[index].state;
    return state == MEMBER_ALIVE || state == MEMBER_SUSPECT;
}

bool members_signed(const struct members *ms, size_t index, const struct wire_alive *word)
{
    uint8_t statement[MEMBER_STATEMENT_SIZE];
    wire_member_statement(statement, word);
    return statement_verify(STATEMENT_MEMBER, &ms->cluster, statement, sizeof statement,
                            &word->signature, &ms->roster->nodes[index].key);
}

static bool nonce_equal(const struct nonce *a, const struct nonce *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/*
 * The order of signed words. Lives first, then incarnations; within one, `left` comes after alive.
 * So an agent that left and comes back in the same life (an upgrade) says alive again, one
 * incarnation higher. A life number comes with one nonce: the same number with another nonce is a
 * copy of the machine, and whoever came first is kept.
 */
static enum word_verdict compare_words(const struct wire_alive *held, const struct wire_alive *word)
{
    if (word->life != held->life)
        return word->life > held->life ? WORD_NEW : WORD_OLD;
    if (!nonce_equal(&word->life_nonce, &held->life_nonce))
        return WORD_OLD;
    if (word->incarnation != held->incarnation)
        return word->incarnation > held->incarnation ? WORD_NEW : WORD_OLD;
    if (word->left != held->left)
        return word->left ? WORD_NEW : WORD_OLD;
    return WORD_KNOWN;
}

bool members_other_copy(const struct members *ms, size_t index, const struct wire_alive *word)
{
    const struct wire_alive *held = members_word(ms, index);
    return word->life == held->life && !nonce_equal(&word->life_nonce, &held->life_nonce);
}

enum word_verdict members_judge_alive(const struct members *ms, size_t index,
                                      const struct wire_alive *word)
{
    const struct member *m = &ms->table[index];
    enum word_verdict verdict = WORD_NEW;
    if (m->state != MEMBER_UNKNOWN)
        verdict = compare_words(members_word(ms, index), word);
    if (verdict != WORD_NEW || words_known(ms->words, index, word))
        return verdict;
    bool good = members_signed(ms, index, word) || MUTANT(92); /* "a word needs no signature" */
    return good ? WORD_NEW : WORD_FORGED;
}

enum word_verdict members_judge_hearsay(const struct members *ms, size_t index, uint64_t life,
                                        uint32_t incarnation, enum member_state state)
{
    const struct member *m = &ms->table[index];
    must(state == MEMBER_SUSPECT || state == MEMBER_DEAD);
    if (m->state == MEMBER_UNKNOWN || m->state == MEMBER_LEFT)
        return WORD_OLD;
    const struct wire_alive *held = members_word(ms, index);
    if (life != held->life || incarnation != held->incarnation)
        return WORD_OLD;
    if (state == m->state)
        return WORD_KNOWN;
    return m->state == MEMBER_DEAD ? WORD_OLD : WORD_NEW;
}

static bool is_quiet(const struct members *ms, size_t index)
{
    enum member_state state = ms->table[index].state;
    return state == MEMBER_UNKNOWN || state == MEMBER_DEAD;
}

static uint64_t hash_anew(const struct members *ms, size_t index)
{
    uint8_t bytes[2 + 1 + 8 + 4];
    struct writer w = writer_init(bytes, sizeof bytes);
    write_u16(&w, members_slot(ms, index));
    write_u8(&w, (uint8_t)ms->table[index].state);
    write_u64(&w, members_word(ms, index)->life);
    write_u32(&w, members_word(ms, index)->incarnation);
    return hash64(ms->cluster.bytes, bytes, sizeof bytes);
}

/* A member's part of the hash. Each slot is in its own part, so parts cannot cancel out. Unless
 * there is hearsay, the word says all, and the hash is remembered with it. */
static uint64_t hash_of(const struct members *ms, size_t index)
{
    const struct member *m = &ms->table[index];
    if (m->state == MEMBER_UNKNOWN)
        return 0;
    if (m->state == MEMBER_SUSPECT || m->state == MEMBER_DEAD)
        return hash_anew(ms, index);
    uint64_t *hash = words_hash(ms->words, m->word);
    if (*hash == 0)
        *hash = hash_anew(ms, index);
    return *hash;
}

uint64_t members_hash(const struct members *ms, size_t first, size_t count)
{
    size_t end = first + count;
    must(end <= ms->count);
    if (count == ms->count)
        return ms->hash;
    uint64_t sum = 0;
    for (size_t i = first; i < end;) {
        bool whole = i % MEMBERS_SUMMED == 0 && end - i >= MEMBERS_SUMMED;
        sum ^= whole ? ms->sums[i / MEMBERS_SUMMED] : hash_of(ms, i);
        i += whole ? MEMBERS_SUMMED : 1;
    }
    return sum;
}

/* Publishes what the entry became. */
static void note_change(struct members *ms, struct instant now, size_t index,
                        enum member_state before, uint64_t life_before)
{
    struct member *m = &ms->table[index];
    uint64_t life = members_word(ms, index)->life;
    if (m->state == before && life == life_before)
        return;
    m->since = brief_floor(now);
    if (ms->change_count == MEMBER_CHANGES_MAX) {
        ms->change_start = (ms->change_start + 1) % MEMBER_CHANGES_MAX;
        ms->change_count--;
    }
    size_t end = (ms->change_start + ms->change_count) % MEMBER_CHANGES_MAX;
    ms->changes[end] = (struct swim_change){
        .slot = members_slot(ms, index),
        .before = before,
        .after = m->state,
        .incarnation = members_word(ms, index)->incarnation,
        .life = life,
        .new_life = life != life_before,
        .by = m->by,
        .accused_by = m->accused_by,
    };
    ms->change_count++;
}

static void flip_hash(struct members *ms, size_t index)
{
    uint64_t hash = hash_of(ms, index);
    ms->sums[index / MEMBERS_SUMMED] ^= hash;
    ms->hash ^= hash;
}

/* Around every change of a state or a word: what the sums lose, and what they gain. */
static void take_out(struct members *ms, size_t index)
{
    flip_hash(ms, index);
    ms->quiet_count -= is_quiet(ms, index);
    ms->alive_count -= ms->table[index].state == MEMBER_ALIVE;
    ms->suspect_count -= ms->table[index].state == MEMBER_SUSPECT;
}

static void put_in(struct members *ms, size_t index)
{
    flip_hash(ms, index);
    ms->quiet_count += is_quiet(ms, index);
    ms->alive_count += ms->table[index].state == MEMBER_ALIVE;
    ms->suspect_count += ms->table[index].state == MEMBER_SUSPECT;
}

void members_set_alive(struct members *ms, struct instant now, size_t index,
                       const struct wire_alive *word)
{
    struct member *m = &ms->table[index];
    enum member_state before = m->state;
    uint64_t life_before = members_word(ms, index)->life;
    uint32_t reference = words_keep(ms->words, index, word);
    take_out(ms, index);
    words_drop(ms->words, index, m->word);
    m->word = reference;
    m->state = word->left ? MEMBER_LEFT : MEMBER_ALIVE;
    if (before != MEMBER_ALIVE)
        m->refuted = before == MEMBER_SUSPECT;
    m->by = SLOT_NONE;
    m->accused_by = SLOT_NONE;
    m->due = brief_ceiling(INSTANT_NEVER);
    put_in(ms, index);
    note_change(ms, now, index, before, life_before);
}

void members_set_hearsay(struct members *ms, struct instant now, size_t index,
                         enum member_state state, uint16_t by)
{
    struct member *m = &ms->table[index];
    enum member_state before = m->state;
    take_out(ms, index);
    m->state = state;
    m->by = by;
    if (m->accused_by == SLOT_NONE)
        m->accused_by = by;
    m->due = brief_ceiling(INSTANT_NEVER);
    put_in(ms, index);
    note_change(ms, now, index, before, members_word(ms, index)->life);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void members_set_vitals(struct members *ms, size_t index, const struct vitals *told)
{
    struct member *m = &ms->table[index];
    struct vitals before = m->vitals;
    if (!m->told_vitals || told->life > m->vitals.life) {
        m->vitals = *told;
        m->told_vitals = true;
    } else if (told->life == m->vitals.life) {
        m->vitals.commits = larger(m->vitals.commits, told->commits);
        m->vitals.ops = larger(m->vitals.ops, told->ops);
    }
    if (memcmp(&before, &m->vitals, sizeof before) != 0)
        marks_put(&ms->vitals_new, index);
}

bool members_next_change(struct members *ms, struct swim_change *out)
{
    if (ms->change_count == 0)
        return false;
    *out = ms->changes[ms->change_start];
    ms->change_start = (ms->change_start + 1) % MEMBER_CHANGES_MAX;
    ms->change_count--;
    return true;
}
