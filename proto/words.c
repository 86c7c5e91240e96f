/* Signed words, kept once: see words.h. */
#include "proto/words.h"

#include "proto/must.h"

static size_t aligned(size_t size)
{
    size_t grain = _Alignof(max_align_t);
    return (size + grain - 1) / grain * grain;
}

size_t words_bytes(size_t members, size_t room)
{
    return aligned(room * sizeof(struct word_entry)) + aligned(members * sizeof(uint32_t));
}

void words_init(struct words *w, void *memory, size_t members, size_t room)
{
    must(room >= words_room(members) && room <= UINT32_MAX);
    *w = (struct words){.entries = memory, .room = (uint32_t)room, .used = 1};
    w->first = (uint32_t *)(void *)((uint8_t *)memory + aligned(room * sizeof(struct word_entry)));
    memset(w->first, 0, members * sizeof *w->first);
    w->entries[0] = (struct word_entry){0};
}

static bool same_word(const struct wire_alive *a, const struct wire_alive *b)
{
    return a->life == b->life && a->incarnation == b->incarnation && a->left == b->left &&
           memcmp(a->life_nonce.bytes, b->life_nonce.bytes, sizeof a->life_nonce.bytes) == 0 &&
           memcmp(a->signature.bytes, b->signature.bytes, sizeof a->signature.bytes) == 0;
}

static uint32_t find(const struct words *w, size_t member, const struct wire_alive *word)
{
    uint32_t at = w->first[member];
    while (at && !same_word(&w->entries[at].word, word))
        at = w->entries[at].next;
    return at;
}

bool words_known(const struct words *w, size_t member, const struct wire_alive *word)
{
    return find(w, member, word) != 0;
}

uint32_t words_keep(struct words *w, size_t member, const struct wire_alive *word)
{
    uint32_t at = find(w, member, word);
    if (at) {
        w->entries[at].references++;
        return at;
    }
    at = w->free;
    if (at) {
        w->free = w->entries[at].next;
    } else {
        must(w->used < w->room);
        at = w->used++;
    }
    w->entries[at] = (struct word_entry){.word = *word, .references = 1, .next = w->first[member]};
    w->first[member] = at;
    return at;
}

void words_drop(struct words *w, size_t member, uint32_t reference)
{
    if (reference == 0 || --w->entries[reference].references > 0)
        return;
    uint32_t *at = &w->first[member];
    while (*at != reference)
        at = &w->entries[*at].next;
    *at = w->entries[reference].next;
    w->entries[reference].next = w->free;
    w->free = reference;
}
