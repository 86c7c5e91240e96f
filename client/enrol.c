/* Enrolment: see enrol.h. */
#include "client/enrol.h"

#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/file.h"
#include "crypto/statement.h"
#include "proto/must.h"

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    must(memory != NULL);
    return memory;
}

void enrol_init(struct enrolment *e)
{
    *e = (struct enrolment){.verdict = ROSTER_NOT_A_ROSTER};
    e->roster = allocate(sizeof *e->roster);
    e->roster->epoch = 1;
    e->roster->shard_count = 1024;
    e->roster->cohort_size = 5;
    e->roster->least_version = 1;
}

void enrol_deinit(struct enrolment *e)
{
    free(e->roster);
    *e = (struct enrolment){0};
}

bool enrol_add(struct enrolment *e, const struct roster_node *card)
{
    struct roster *r = e->roster;
    if (r->node_count == ROSTER_NODES_MAX)
        return false;
    struct roster_node *node = &r->nodes[r->node_count];
    *node = *card;
    node->slot = (uint16_t)r->node_count++;
    node->votes = true;
    node->executes = true;
    return true;
}

uint16_t enrol_default_detect_ms(size_t nodes)
{
    /* SWIM's suspicion grows with the logarithm of N, and D has to outlast it. */
    if (nodes <= 16)
        return 4000;
    return nodes <= 200 ? 6000 : 7500;
}

enum roster_verdict enrol_finish(struct enrolment *e)
{
    uint8_t *bytes = allocate(ROSTER_BYTES_MAX);
    struct roster *decoded = allocate(sizeof *decoded);
    roster_default_jurors(e->roster);
    if (e->roster->detect_ms == 0)
        e->roster->detect_ms = enrol_default_detect_ms(e->roster->node_count);
    size_t size = roster_encode(bytes, e->roster);
    /* Whoever reads the file decodes it so; what does not pass must not be signed either. */
    e->verdict = roster_decode(decoded, bytes, size);
    e->digest = digest_of(bytes, size);
    if (e->verdict == ROSTER_OK)
        e->verdict = ROSTER_UNSIGNED;
    free(decoded);
    free(bytes);
    return e->verdict;
}

static void put_signature(struct enrolment *e, uint8_t operator_index, struct signature signature)
{
    for (uint8_t i = 0; i < e->signature_count; i++)
        if (e->signatures[i].operator_index == operator_index)
            return;
    e->signatures[e->signature_count++] =
        (struct roster_signature){.operator_index = operator_index, .signature = signature};
    if (e->signature_count == e->roster->operator_count)
        e->verdict = ROSTER_OK;
}

bool enrol_sign(struct enrolment *e, const struct key_pair *key)
{
    static const struct cluster_id none; /* operators sign under no cluster: see roster.h */
    const struct roster *r = e->roster;
    for (uint8_t i = 0; i < r->operator_count; i++) {
        if (!public_key_equal(&r->operators[i], &key->public))
            continue;
        uint8_t *bytes = allocate(ROSTER_BYTES_MAX);
        size_t size = roster_encode(bytes, r);
        put_signature(e, i, statement_sign(STATEMENT_ROSTER, &none, bytes, size, key));
        free(bytes);
        return true;
    }
    return false;
}

int enrol_load(struct enrolment *e, const char *path, bool quiet)
{
    size_t size = 0;
    enrol_init(e);
    uint8_t *bytes = file_read(path, ROSTER_FILE_MAX, &size);
    if (bytes == NULL)
        return EXIT_ERROR;
    e->verdict =
        roster_file_decode(e->roster, &e->digest, e->signatures, &e->signature_count, bytes, size);
    free(bytes);
    if (e->verdict == ROSTER_OK || e->verdict == ROSTER_UNSIGNED)
        return EXIT_OK;
    if (!quiet)
        say("%s: %s", path, roster_verdict_text(e->verdict));
    return EXIT_CONFIG;
}

bool enrol_save(const struct enrolment *e, const char *path)
{
    uint8_t *bytes = allocate(ROSTER_FILE_MAX);
    size_t size = roster_file_encode(bytes, e->roster, e->signatures, e->signature_count);
    bool good = file_replace(path, 0644, bytes, size);
    free(bytes);
    return good;
}
