/*
 * Questions to a roster that was decoded: see roster.h. Its bytes and their checks are in
 * roster_codec.c; what those checks promise (slots ascending, jurors voting) is taken for granted
 * here.
 */
#include "crypto/roster.h"

#include <string.h>

const char *roster_verdict_text(enum roster_verdict verdict)
{
    switch (verdict) {
    case ROSTER_OK:
        return "the roster is good";
    case ROSTER_NOT_A_ROSTER:
        return "this is not a roster file, or it was cut short or added to";
    case ROSTER_MALFORMED:
        return "the roster does not decode: it is damaged, or a value in it is out of range";
    case ROSTER_BAD_KEY:
        return "the roster names a public key that cannot be used";
    case ROSTER_DUPLICATE:
        return "two entries of the roster share a slot, name, key, store, machine or address";
    case ROSTER_NO_VOTER:
        return "the roster needs a voter, and an odd number of jurors from 1 to 31";
    case ROSTER_UNSIGNED:
        return "the signature of at least one operator is missing";
    case ROSTER_BAD_SIGNATURE:
        return "an operator's signature does not verify";
    }
    __builtin_trap();
}

const char *roster_action_name(const struct roster *roster, uint8_t action)
{
    if (action == 0)
        return "retire";
    return action <= roster->action_count ? roster->actions[action - 1] : NULL;
}

bool roster_ends_sessions(const struct roster *roster, uint8_t action)
{
    return action > 0 && action <= roster->action_count &&
           (roster->session_actions >> (action - 1) & 1);
}

int roster_action(const struct roster *roster, const char *name)
{
    for (uint8_t i = 0; i <= roster->action_count; i++)
        if (strcmp(roster_action_name(roster, i), name) == 0)
            return i;
    return -1;
}

int roster_search(const struct roster *roster, uint16_t slot)
{
    size_t low = 0, high = roster->node_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (roster->nodes[middle].slot == slot)
            return (int)middle;
        if (roster->nodes[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

int roster_find_name(const struct roster *roster, const char *name)
{
    for (size_t i = 0; i < roster->node_count; i++)
        if (strcmp(roster->nodes[i].name, name) == 0)
            return (int)i;
    return -1;
}

size_t roster_voter_count(const struct roster *roster)
{
    size_t count = 0;
    for (size_t i = 0; i < roster->node_count; i++)
        count += roster->nodes[i].votes;
    return count;
}

size_t roster_juror_count(const struct roster *roster)
{
    size_t count = 0;
    for (size_t i = 0; i < roster->node_count; i++)
        count += roster->nodes[i].juror;
    return count;
}

size_t roster_juror_quorum(const struct roster *roster)
{
    return roster_juror_count(roster) / 2 + 1;
}

uint32_t roster_shard_count(const struct roster *roster)
{
    return roster->shard_count ? roster->shard_count : ROSTER_SHARDS_MAX;
}

size_t roster_cohort_size(const struct roster *roster)
{
    size_t voters = roster_voter_count(roster);
    size_t wanted = roster->cohort_size ? roster->cohort_size : ROSTER_COHORT_MAX;
    return wanted < voters ? wanted : voters;
}

void roster_default_jurors(struct roster *roster)
{
    size_t left = roster_voter_count(roster);
    if (left > ROSTER_JURORS_MAX)
        left = ROSTER_JURORS_MAX;
    if (left % 2 == 0 && left > 0)
        left--;
    for (size_t i = 0; i < roster->node_count; i++) {
        roster->nodes[i].juror = roster->nodes[i].votes && left > 0;
        left -= roster->nodes[i].juror;
    }
}
