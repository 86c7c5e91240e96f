/* Identities: see identity.h. */
#include "client/identity.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "client/command.h"
#include "client/file.h"
#include "proto/must.h"
#include "proto/record.h"
#include "proto/votelog.h"

enum {
    KEY_TEXT_SIZE = 2 * KEY_SEED_SIZE + 1, /* digits and a newline, or a NUL */
    KEY_FILE_MAX = 256,
    STORE_PAYLOAD_MAX = 64, /* one RECORD_STORE */
    STORE_FILE_MAX = VOTELOG_HEADER_SIZE + VOTELOG_RECORD_OVERHEAD + STORE_PAYLOAD_MAX
};

void identity_random(void *out, size_t size)
{
    must(size <= 256); /* up to here getrandom(2) is whole or fails */
    must(getrandom(out, size, 0) == (ssize_t)size);
}

/* Writes 64 hex digits and a newline to a new file. */
static bool create_hex(const char *path, mode_t mode, const uint8_t bytes[KEY_SEED_SIZE])
{
    char text[KEY_TEXT_SIZE + 1];
    hex_encode(text, bytes, KEY_SEED_SIZE);
    text[KEY_TEXT_SIZE - 1] = '\n';
    bool good = file_create(path, mode, text, KEY_TEXT_SIZE);
    sodium_memzero(text, sizeof text);
    return good;
}

static bool create_key(const char *path, struct public_key *out)
{
    uint8_t seed[KEY_SEED_SIZE];
    struct key_pair key;
    identity_random(seed, sizeof seed);
    key_pair_make(&key, seed);
    bool good = create_hex(path, 0600, seed);
    *out = key.public;
    sodium_memzero(seed, sizeof seed);
    key_pair_wipe(&key);
    return good;
}

/*
 * The first segment of a store: its header, which no cluster owns yet, and one record. base_lsn = 1
 * says that the record was synced before the file took its name, so a store that lost it is known
 * as lost and never as new.
 */
static bool create_store(const char *path, const struct store_id *store, bool genesis)
{
    uint8_t file[STORE_FILE_MAX], payload[STORE_PAYLOAD_MAX];
    struct votelog_header header = {
        .store = *store, .slot = SLOT_NONE, .first_lsn = 1, .base_lsn = 1};
    struct record record = {.kind = RECORD_STORE, .store = {.adopted = genesis ? 1 : 0}};
    struct writer p = writer_init(payload, sizeof payload);
    record_encode(&p, &record);
    must(!p.failed);
    votelog_header_encode(file, &header);
    struct writer w = writer_init(file + VOTELOG_HEADER_SIZE, sizeof file - VOTELOG_HEADER_SIZE);
    votelog_record_encode(&w, store, 1, 0, payload, writer_size(&p));
    must(!w.failed);
    return file_create(path, 0600, file, VOTELOG_HEADER_SIZE + writer_size(&w));
}

static bool absent(const char *path)
{
    struct stat s;
    if (lstat(path, &s) != 0 && errno == ENOENT)
        return true;
    say("%s exists already and is not overwritten: move it away, or choose another directory",
        path);
    return false;
}

int identity_make(struct roster_node *out, const struct identity_request *request)
{
    char key[PATH_MAX], store[PATH_MAX], card[PATH_MAX];
    struct roster_node node = {.address = request->address, .machine = request->machine};
    file_path(key, sizeof key, request->dir, "key");
    file_path(card, sizeof card, request->dir, "card.json");
    file_path(store, sizeof store, request->state, "votes.log");
    snprintf(node.name, sizeof node.name, "%s", request->name);
    memcpy(node.device, request->device, sizeof node.device);
    identity_random(node.store.bytes, STORE_ID_SIZE);
    /* The agent's user reads its configuration and roster there; the key is closed by itself. */
    if (!file_directory(request->dir, 0755) || !file_directory(request->state, 0700))
        return EXIT_ERROR;
    if (!absent(key) || !absent(store) || !absent(card))
        return EXIT_CONFIG;

    if (!create_key(key, &node.key))
        return EXIT_ERROR;
    char *text = card_encode(&node);
    bool stored = create_store(store, &node.store, request->genesis);
    bool good = text && stored && file_create(card, 0644, text, strlen(text)) &&
                file_sync_directory(request->state) && file_sync_directory(request->dir);
    free(text);
    if (good) {
        *out = node;
        return EXIT_OK;
    }
    /* None of these existed before, and a part of an identity is of no use. */
    unlink(key);
    if (stored)
        unlink(store);
    unlink(card);
    return EXIT_ERROR;
}

int identity_operator(struct public_key *out, const char *dir)
{
    char key[PATH_MAX], public[PATH_MAX];
    file_path(key, sizeof key, dir, "operator.key");
    file_path(public, sizeof public, dir, "operator.pub");
    if (!file_directory(dir, 0700))
        return EXIT_ERROR;
    if (!absent(key) || !absent(public))
        return EXIT_CONFIG;
    if (!create_key(key, out))
        return EXIT_ERROR;
    if (create_hex(public, 0644, out->bytes) && file_sync_directory(dir))
        return EXIT_OK;
    unlink(key);
    unlink(public);
    return EXIT_ERROR;
}

/* 64 hex digits and perhaps a newline; wipes what it read. */
static bool load_hex(const char *path, uint8_t out[KEY_SEED_SIZE])
{
    size_t size = 0;
    uint8_t *text = file_read(path, KEY_FILE_MAX, &size);
    if (text == NULL)
        return false;
    if (size > 0 && text[size - 1] == '\n')
        text[size - 1] = '\0';
    bool good = hex_decode(out, KEY_SEED_SIZE, (const char *)text);
    sodium_memzero(text, size);
    free(text);
    if (!good)
        say("%s is not a key: 64 hex digits are expected", path);
    return good;
}

int identity_load_key(struct key_pair *out, const char *path)
{
    struct stat s;
    uint8_t seed[KEY_SEED_SIZE];
    if (stat(path, &s) == 0 && (s.st_mode & 077) != 0) {
        say("the key %s is open to its group or to others: chmod 600 it", path);
        return EXIT_CONFIG;
    }
    if (!load_hex(path, seed))
        return EXIT_CONFIG;
    key_pair_make(out, seed);
    sodium_memzero(seed, sizeof seed);
    return EXIT_OK;
}

int identity_load_public(struct public_key *out, const char *path)
{
    if (!load_hex(path, out->bytes))
        return EXIT_CONFIG;
    if (public_key_valid(out))
        return EXIT_OK;
    say("%s is not a public key that can be used: name the file that ends in .pub", path);
    return EXIT_CONFIG;
}

int identity_load_machine(struct machine_id *out, const char *path)
{
    size_t size = 0;
    uint8_t *text = file_read(path, KEY_FILE_MAX, &size);
    if (text == NULL)
        return EXIT_CONFIG;
    bool good = machine_id_parse(out, (const char *)text);
    free(text);
    if (good)
        return EXIT_OK;
    say("%s is not a machine id: 32 hex digits are expected", path);
    return EXIT_CONFIG;
}
