/*
 * The roster's bytes: see roster.h. Canonical form, little-endian, nothing optional:
 *
 *     epoch u32, previous 32, shard count u16, cohort size u8, least version u8, lab flag,
 *     detection target u16, action count u8, per action: name 31
 *     (NUL-padded), flag (it ends sessions), then operator count u8, operators' keys 32 each,
 *     node count u16, then per node, ascending by slot:
 *         slot u16, votes flag, juror flag, executes flag, name 64 (NUL-padded), key 32, store 16,
 *         machine 16, IP 16, port u16, device 64 (NUL-padded)
 *
 * What must hold: roster_decode accepts exactly the bytes that roster_encode makes of a roster that
 * keeps the rules, so a roster has one form, one digest and one name. Checks go from cheap to dear;
 * the curve arithmetic for the keys comes last.
 */
#include "crypto/roster.h"

#include "crypto/bytes.h"
#include "crypto/statement.h"

#include <string.h>

enum {
    HEAD_BYTES = 4 + DIGEST_SIZE + 2 + 1 + 1 + 1 + 2 + 1 + 1 + 2,
    NODE_BYTES = 2 + 1 + 1 + 1 + ROSTER_NAME_SIZE + KEY_PUBLIC_SIZE + STORE_ID_SIZE +
                 MACHINE_ID_SIZE + 16 + 2 + DEVICE_SIZE
};

_Static_assert((int)NODE_BYTES <= (int)ROSTER_NODE_BYTES_MAX, "a node's entry fits its bound");
_Static_assert(HEAD_BYTES + ROSTER_OPERATORS_MAX * KEY_PUBLIC_SIZE <= 512, "so does the head");
_Static_assert(sizeof ROSTER_MAGIC - 1 == ROSTER_MAGIC_SIZE, "the magic has no NUL");
_Static_assert(ROSTER_MAGIC_SIZE + 4 + 1 <= 16, "magic, size and count fit ROSTER_FILE_MAX");

static const struct digest NO_DIGEST;

/* Every epoch is signed by its operators under no cluster: see roster.h. */
static const struct cluster_id NO_CLUSTER;

static void write_node(struct writer *w, const struct roster_node *node)
{
    write_u16(w, node->slot);
    write_u8(w, node->votes);
    write_u8(w, node->juror);
    write_u8(w, node->executes);
    write_padded(w, node->name, sizeof node->name);
    write_copy(w, node->key.bytes, sizeof node->key.bytes);
    write_copy(w, node->store.bytes, sizeof node->store.bytes);
    write_copy(w, node->machine.bytes, sizeof node->machine.bytes);
    write_copy(w, node->address.ip, sizeof node->address.ip);
    write_u16(w, node->address.port);
    write_padded(w, node->device, sizeof node->device);
}

static void write_action(struct writer *w, const struct roster *roster, size_t index)
{
    write_padded(w, roster->actions[index], ROSTER_ACTION_SIZE - 1);
    write_u8(w, roster->session_actions >> index & 1);
}

static void read_action(struct reader *r, struct roster *out, size_t index)
{
    read_copy(r, out->actions[index], ROSTER_ACTION_SIZE - 1);
    out->session_actions |= (uint8_t)(read_flag(r) << index);
}

size_t roster_encode(uint8_t *out, const struct roster *roster)
{
    struct writer w = writer_init(out, ROSTER_BYTES_MAX);
    write_u32(&w, roster->epoch);
    write_copy(&w, roster->previous.bytes, sizeof roster->previous.bytes);
    write_u16(&w, roster->shard_count);
    write_u8(&w, roster->cohort_size);
    write_u8(&w, roster->least_version);
    write_u8(&w, roster->lab);
    write_u16(&w, roster->detect_ms);
    write_u8(&w, roster->action_count);
    for (size_t i = 0; i < roster->action_count; i++)
        write_action(&w, roster, i);
    write_u8(&w, roster->operator_count);
    for (size_t i = 0; i < roster->operator_count; i++)
        write_copy(&w, roster->operators[i].bytes, KEY_PUBLIC_SIZE);
    write_u16(&w, (uint16_t)roster->node_count);
    for (size_t i = 0; i < roster->node_count; i++)
        write_node(&w, &roster->nodes[i]);
    /* Only counts above their limits do not fit, and those are the caller's bug. */
    if (w.failed)
        __builtin_trap();
    return writer_size(&w);
}

static void read_node(struct reader *r, struct roster_node *node)
{
    node->slot = read_u16(r);
    node->votes = read_flag(r);
    node->juror = read_flag(r);
    node->executes = read_flag(r);
    read_copy(r, node->name, sizeof node->name);
    read_copy(r, node->key.bytes, sizeof node->key.bytes);
    read_copy(r, node->store.bytes, sizeof node->store.bytes);
    read_copy(r, node->machine.bytes, sizeof node->machine.bytes);
    read_copy(r, node->address.ip, sizeof node->address.ip);
    node->address.port = read_u16(r);
    read_copy(r, node->device, sizeof node->device);
}

static void read_roster(struct reader *r, struct roster *out)
{
    out->epoch = read_u32(r);
    read_copy(r, out->previous.bytes, sizeof out->previous.bytes);
    out->shard_count = read_u16(r);
    out->cohort_size = read_u8(r);
    out->least_version = read_u8(r);
    out->lab = read_flag(r);
    out->detect_ms = read_u16(r);
    out->action_count = read_u8(r);
    if (out->action_count > ROSTER_ACTIONS_MAX)
        reader_fail(r);
    for (size_t i = 0; !r->failed && i < out->action_count; i++)
        read_action(r, out, i);
    out->operator_count = read_u8(r);
    if (out->operator_count < 1 || out->operator_count > ROSTER_OPERATORS_MAX)
        reader_fail(r);
    for (size_t i = 0; !r->failed && i < out->operator_count; i++)
        read_copy(r, out->operators[i].bytes, KEY_PUBLIC_SIZE);
    out->node_count = read_u16(r);
    if (out->node_count > ROSTER_NODES_MAX)
        reader_fail(r);
    for (size_t i = 0; !r->failed && i < out->node_count; i++)
        read_node(r, &out->nodes[i]);
}

/* 1..size-1 of [a-z0-9.-], then nothing but NULs: the padding is part of the signed bytes. */
static bool name_valid(const char *name, size_t size)
{
    size_t length = 0;
    while (length < size && name[length] != '\0') {
        char c = name[length++];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'))
            return false;
    }
    if (length < 1 || length >= size)
        return false;
    while (length < size)
        if (name[length++] != '\0')
            return false;
    return true;
}

bool roster_device_valid(const char device[DEVICE_SIZE])
{
    size_t length = strnlen(device, DEVICE_SIZE);
    for (size_t i = 0; i < DEVICE_SIZE; i++)
        if (i < length ? device[i] <= ' ' || device[i] > '~' : device[i] != '\0')
            return false;
    return length < DEVICE_SIZE;
}

static bool actions_valid(const struct roster *roster)
{
    for (size_t i = 0; i < roster->action_count; i++) {
        if (!name_valid(roster->actions[i], ROSTER_ACTION_SIZE) ||
            strcmp(roster->actions[i], "retire") == 0)
            return false;
        for (size_t j = 0; j < i; j++)
            if (strcmp(roster->actions[i], roster->actions[j]) == 0)
                return false;
    }
    if (roster->session_actions >> roster->action_count)
        return false;
    return roster->detect_ms >= ROSTER_DETECT_MIN_MS && roster->detect_ms <= ROSTER_DETECT_MAX_MS;
}

/* Each value by itself. Every 16-bit shard count is good: 0 stands for 65536. */
static bool values_valid(const struct roster *roster)
{
    bool first = memcmp(&roster->previous, &NO_DIGEST, sizeof NO_DIGEST) == 0;
    if (roster->epoch < 1 || first != (roster->epoch == 1))
        return false;
    if (roster->cohort_size > ROSTER_COHORT_MAX || !actions_valid(roster))
        return false;
    for (size_t i = 0; i < roster->node_count; i++) {
        const struct roster_node *node = &roster->nodes[i];
        if (!name_valid(node->name, sizeof node->name) || (node->juror && !node->votes) ||
            !roster_device_valid(node->device))
            return false;
        if (i > 0 && node->slot < roster->nodes[i - 1].slot)
            return false;
    }
    return true;
}

static bool nodes_clash(const struct roster_node *a, const struct roster_node *b)
{
    return a->slot == b->slot || memcmp(a->name, b->name, sizeof a->name) == 0 ||
           public_key_equal(&a->key, &b->key) ||
           memcmp(&a->store, &b->store, sizeof a->store) == 0 ||
           memcmp(&a->machine, &b->machine, sizeof a->machine) == 0 ||
           (a->address.port == b->address.port &&
            memcmp(a->address.ip, b->address.ip, sizeof a->address.ip) == 0);
}

/* At most 10240 * 10239 / 2 pairs, some 0.2 s of short comparisons at a start: no index is worth
 * its code. */
static bool has_duplicate(const struct roster *roster)
{
    for (size_t i = 0; i < roster->operator_count; i++)
        for (size_t j = i + 1; j < roster->operator_count; j++)
            if (public_key_equal(&roster->operators[i], &roster->operators[j]))
                return true;
    for (size_t i = 0; i < roster->node_count; i++)
        for (size_t j = i + 1; j < roster->node_count; j++)
            if (nodes_clash(&roster->nodes[i], &roster->nodes[j]))
                return true;
    return false;
}

static bool keys_valid(const struct roster *roster)
{
    for (size_t i = 0; i < roster->operator_count; i++)
        if (!public_key_valid(&roster->operators[i]))
            return false;
    for (size_t i = 0; i < roster->node_count; i++)
        if (!public_key_valid(&roster->nodes[i].key))
            return false;
    return true;
}

static enum roster_verdict check(const struct roster *roster)
{
    size_t jurors = roster_juror_count(roster);
    if (!values_valid(roster))
        return ROSTER_MALFORMED;
    if (has_duplicate(roster))
        return ROSTER_DUPLICATE;
    /* An odd count leaves no juror whose signature could not matter; it implies a voter as well. */
    if (roster_voter_count(roster) < 1 || jurors % 2 == 0 || jurors > ROSTER_JURORS_MAX)
        return ROSTER_NO_VOTER;
    return keys_valid(roster) ? ROSTER_OK : ROSTER_BAD_KEY;
}

enum roster_verdict roster_decode(struct roster *out, const uint8_t *bytes, size_t size)
{
    struct reader r = reader_init(bytes, size);
    memset(out, 0, sizeof *out);
    read_roster(&r, out);
    enum roster_verdict verdict = reader_done(&r) ? check(out) : ROSTER_MALFORMED;
    /* Nobody shall go on with half a roster by mistake. */
    if (verdict != ROSTER_OK)
        memset(out, 0, sizeof *out);
    return verdict;
}

size_t roster_file_encode(uint8_t *out, const struct roster *roster,
                          const struct roster_signature *signatures, uint8_t count)
{
    /* Sorted by index, the first of each counts: signers may come in any order. */
    const struct roster_signature *sorted[ROSTER_OPERATORS_MAX] = {0};
    uint8_t present = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t index = signatures[i].operator_index;
        if (index < ROSTER_OPERATORS_MAX && !sorted[index]) {
            sorted[index] = &signatures[i];
            present++;
        }
    }

    size_t head = ROSTER_MAGIC_SIZE + 4;
    size_t size = roster_encode(out + head, roster);
    struct writer w = writer_init(out, head);
    write_copy(&w, ROSTER_MAGIC, ROSTER_MAGIC_SIZE);
    write_u32(&w, (uint32_t)size);
    w = writer_init(out + head + size, ROSTER_FILE_MAX - head - size);
    write_u8(&w, present);
    for (unsigned i = 0; i < ROSTER_OPERATORS_MAX; i++) {
        if (!sorted[i])
            continue;
        write_u8(&w, (uint8_t)i);
        write_copy(&w, sorted[i]->signature.bytes, SIGNATURE_SIZE);
    }
    return head + size + writer_size(&w);
}

/* The signatures' list, to the end of the file. */
static enum roster_verdict read_signatures(struct reader *r, const struct roster *roster,
                                           struct roster_signature out[ROSTER_OPERATORS_MAX],
                                           uint8_t *count)
{
    *count = read_u8(r);
    if (*count > roster->operator_count)
        return ROSTER_MALFORMED;
    for (size_t i = 0; i < *count; i++) {
        out[i].operator_index = read_u8(r);
        read_copy(r, out[i].signature.bytes, SIGNATURE_SIZE);
        if (r->failed)
            return ROSTER_NOT_A_ROSTER;
        if (out[i].operator_index >= roster->operator_count ||
            (i > 0 && out[i].operator_index <= out[i - 1].operator_index))
            return ROSTER_MALFORMED;
    }
    return reader_done(r) ? ROSTER_OK : ROSTER_NOT_A_ROSTER;
}

static bool signatures_verify(const struct roster *roster, const uint8_t *bytes, size_t size,
                              const struct roster_signature *signatures, uint8_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!statement_verify(STATEMENT_ROSTER, &NO_CLUSTER, bytes, size, &signatures[i].signature,
                              &roster->operators[signatures[i].operator_index]))
            return false;
    return true;
}

enum roster_verdict roster_file_decode(struct roster *out, struct digest *digest,
                                       struct roster_signature *signatures,
                                       uint8_t *signature_count, const uint8_t *bytes, size_t size)
{
    struct roster_signature found[ROSTER_OPERATORS_MAX];
    uint8_t count = 0;
    struct reader r = reader_init(bytes, size);
    const uint8_t *magic = read_view(&r, ROSTER_MAGIC_SIZE);
    size_t canonical_size = read_u32(&r);
    const uint8_t *canonical = read_view(&r, canonical_size);

    memset(out, 0, sizeof *out);
    if (!canonical || memcmp(magic, ROSTER_MAGIC, ROSTER_MAGIC_SIZE) != 0)
        return ROSTER_NOT_A_ROSTER;
    enum roster_verdict verdict = roster_decode(out, canonical, canonical_size);
    if (verdict == ROSTER_OK)
        verdict = read_signatures(&r, out, found, &count);
    if (verdict == ROSTER_OK && !signatures_verify(out, canonical, canonical_size, found, count))
        verdict = ROSTER_BAD_SIGNATURE;
    if (verdict != ROSTER_OK) {
        memset(out, 0, sizeof *out);
        return verdict;
    }

    *digest = digest_of(canonical, canonical_size);
    if (signatures)
        memcpy(signatures, found, count * sizeof found[0]);
    if (signature_count)
        *signature_count = count;
    return count == out->operator_count ? ROSTER_OK : ROSTER_UNSIGNED;
}
