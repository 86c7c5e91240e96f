/*
 * The roster: the signed list of nodes, and all that is fixed for the cluster (design section 2).
 *
 * Its canonical bytes (roster_encode) are what operators and jurors sign, and their BLAKE2b digest
 * names the roster; the digest of epoch 1 is the cluster id. Epoch 1 is certified by its operators'
 * signatures alone (R1); later epochs need a certificate of the previous roster's jurors as well.
 * Operators sign every epoch with a cluster id of zero: for epoch 1 the id is not known before, and
 * a later roster is bound to its cluster by `previous`, so that a file can be checked by itself.
 * Jurors sign with the cluster's id.
 *
 * A roster *file* is ROSTER_MAGIC, the size of the canonical bytes (u32), those bytes, then the
 * operators' signatures (count u8; each: index of the operator key u8, signature 64 bytes),
 * strictly ascending by index. Nothing may follow.
 */
#ifndef CRYPTO_ROSTER_H
#define CRYPTO_ROSTER_H

#include "crypto/hash.h"
#include "crypto/key.h"

#define ROSTER_MAGIC "HFROSTR1"

enum {
    ROSTER_MAGIC_SIZE = 8,
    ROSTER_NODES_MAX = 10240,
    ROSTER_OPERATORS_MAX = 8,
    ROSTER_NAME_SIZE = 64, /* a node's name, NUL included: 1..63 of [a-z0-9.-] */
    ROSTER_JURORS_MAX = 31,
    ROSTER_COHORT_MAX = 31, /* voters of one shard; k = 0 means every voter, up to this */
    ROSTER_SHARDS_MAX = 65536,
    STORE_ID_SIZE = 16,
    MACHINE_ID_SIZE = 16,
    DEVICE_SIZE = 64, /* identity of a fence device, NUL included: printable ASCII, no spaces */
    ROSTER_ACTIONS_MAX = 8,  /* that executors know by name */
    ROSTER_ACTION_SIZE = 32, /* an action's name, NUL included: 1..31 of [a-z0-9.-] */
    ROSTER_DETECT_MIN_MS = 1000,
    ROSTER_DETECT_MAX_MS = 60000,
    ROSTER_NODE_BYTES_MAX =
        4 + ROSTER_NAME_SIZE + KEY_PUBLIC_SIZE + STORE_ID_SIZE + MACHINE_ID_SIZE + 25 + DEVICE_SIZE,
    ROSTER_BYTES_MAX =
        512 + ROSTER_ACTIONS_MAX * ROSTER_ACTION_SIZE + ROSTER_NODES_MAX * ROSTER_NODE_BYTES_MAX,
    ROSTER_FILE_MAX = ROSTER_BYTES_MAX + 16 + ROSTER_OPERATORS_MAX * (1 + SIGNATURE_SIZE)
};

/* Random, made with the node's durable store. */
struct store_id {
    uint8_t bytes[STORE_ID_SIZE];
};

struct machine_id {
    uint8_t bytes[MACHINE_ID_SIZE];
};

/* IPv4 is held as an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2). */
struct address {
    uint8_t ip[16];
    uint16_t port;
};

struct roster_node {
    uint16_t slot; /* never reused; the roster is ascending by slot */
    char name[ROSTER_NAME_SIZE];
    struct public_key key;
    struct store_id store;
    struct machine_id machine;
    struct address address;
    bool votes;
    bool juror;
    bool executes;            /* may carry out orders against others (F9) */
    char device[DEVICE_SIZE]; /* what its fence device says it is (F6b); empty: it has none */
};

struct roster {
    uint32_t epoch;         /* from 1 */
    struct digest previous; /* zero in epoch 1 */
    uint16_t shard_count;   /* S; 1024 by default. 0 stands for 65536 */
    uint8_t cohort_size;    /* k as written; see roster_cohort_size for the effective one */
    uint8_t least_version;  /* least protocol version that may take part */
    bool lab;               /* a cluster for rehearsal: boot ids come from files */
    uint16_t detect_ms; /* D, the detection target: r, F and every other time follow from it (F) */
    uint8_t action_count;
    char actions[ROSTER_ACTIONS_MAX][ROSTER_ACTION_SIZE]; /* by index - 1; 0 is `retire` */
    uint8_t session_actions; /* mask by index - 1: those that end one session, and no machine */
    uint8_t operator_count;  /* 1..ROSTER_OPERATORS_MAX; all must sign */
    struct public_key operators[ROSTER_OPERATORS_MAX];
    size_t node_count;
    struct roster_node nodes[ROSTER_NODES_MAX];
};

enum roster_verdict {
    ROSTER_OK,
    ROSTER_NOT_A_ROSTER, /* magic or sizes */
    ROSTER_MALFORMED,    /* canonical bytes are cut, too long, or hold a value out of range */
    ROSTER_BAD_KEY,      /* a public key that is not usable */
    ROSTER_DUPLICATE,    /* slot, name, key, store, machine or address twice, in a lab too */
    ROSTER_NO_VOTER,     /* nobody votes, or the juror count is even, zero or too large */
    ROSTER_UNSIGNED,     /* an operator's signature is missing */
    ROSTER_BAD_SIGNATURE
};

/* One sentence for a person, without a final stop; static. */
const char *roster_verdict_text(enum roster_verdict verdict);

/* Canonical bytes to `out` (room for ROSTER_BYTES_MAX); returns their size. */
size_t roster_encode(uint8_t *out, const struct roster *roster);
/*
 * Decodes and checks canonical bytes. `out` is large: keep it off the stack. It is all zero unless
 * the verdict is ROSTER_OK. Costs at most a curve check for every key, some 0.1 ms for each node.
 */
enum roster_verdict roster_decode(struct roster *out, const uint8_t *bytes, size_t size);

struct roster_signature {
    uint8_t operator_index;
    struct signature signature;
};

/*
 * A whole file to `out` (room for ROSTER_FILE_MAX); returns its size. The signatures may come in
 * any order; a second one of the same operator is left out.
 */
size_t roster_file_encode(uint8_t *out, const struct roster *roster,
                          const struct roster_signature *signatures, uint8_t count);
/*
 * Decodes a whole file and verifies every operator's signature. `digest` gets the roster's name
 * (epoch 1's is the cluster id); like the signatures it is written only on ROSTER_OK and
 * ROSTER_UNSIGNED. `signature_count` may be NULL; on ROSTER_UNSIGNED the roster and the signatures
 * present (verified) are given as well, so that a tool can show and complete them
 * (`signatures` may be NULL, else room for ROSTER_OPERATORS_MAX).
 */
enum roster_verdict roster_file_decode(struct roster *out, struct digest *digest,
                                       struct roster_signature *signatures,
                                       uint8_t *signature_count, const uint8_t *bytes, size_t size);

/* Printable ASCII without spaces, NUL-padded; may be empty. */
bool roster_device_valid(const char device[DEVICE_SIZE]);
/* One-byte index of an action's name (0: retire), or -1. */
int roster_action(const struct roster *roster, const char *name);
/* Name of an action; "retire" for 0; NULL if there is none. */
const char *roster_action_name(const struct roster *roster, uint8_t action);
/* Whether it ends one session of a life, by the info that its holder named (crypto/scope.h), and
 * not a machine. `retire` is for both. */
bool roster_ends_sessions(const struct roster *roster, uint8_t action);
/* Index into nodes, or -1. */
int roster_search(const struct roster *roster, uint16_t slot);
/* The same. Slots mostly follow each other: a first guess spares large rosters the search. */
static inline int roster_find(const struct roster *roster, uint16_t slot)
{
    size_t guess = (size_t)slot - roster->nodes[0].slot;
    if (guess < roster->node_count && roster->nodes[guess].slot == slot)
        return (int)guess;
    return roster_search(roster, slot);
}
int roster_find_name(const struct roster *roster, const char *name);
size_t roster_voter_count(const struct roster *roster);
size_t roster_juror_count(const struct roster *roster);
/* floor(J/2) + 1. */
size_t roster_juror_quorum(const struct roster *roster);
uint32_t roster_shard_count(const struct roster *roster); /* 1..65536 */
/* Effective k: at most the voters there are. */
size_t roster_cohort_size(const struct roster *roster);
/* Marks the default jurors: the largest odd number <= min(voters, 31), lowest slots first. */
void roster_default_jurors(struct roster *roster);

#endif
