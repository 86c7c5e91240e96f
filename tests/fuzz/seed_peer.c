/*
 * Writes seeds for fuzz_peer into DIR/peer: plays in its steps. One message of each type, plain and
 * made plausible; a node that takes the shard and grants; a client that asks and is answered; rare
 * events.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "proto/lock.h"
#include "tests/unit/wire_sample.h"

enum {
    ROOM = 8192,
    DURABLE = 0xc0,
    MEANT = 2,
    ACQUIRE = 0xe0,
    SHOW = 0xe2,
    DROP = 0xe3,
    PASS = 0x80
};

static const char *directory;
static uint8_t bytes[ROOM];
static struct writer play;

static void begin(void)
{
    play = writer_init(bytes, sizeof bytes);
}

static void end(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/peer/%s", directory, name);
    FILE *f = fopen(path, "wb");
    size_t size = writer_size(&play);
    if (play.failed || !f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* One step that says `m`; its body's size is written as one byte there, so long ones are left out.
 */
static void say(uint8_t first, const struct message *m)
{
    uint8_t message[ROOM];
    struct writer w = writer_init(message, sizeof message);
    wire_encode(&w, m);
    size_t body = writer_size(&w) - MESSAGE_HEADER;
    if (w.failed || body > UINT8_MAX)
        return;
    write_u8(&play, first);
    write_u8(&play, (uint8_t)m->type);
    write_u8(&play, (uint8_t)body);
    write_copy(&play, message + MESSAGE_HEADER, body);
}

static struct view held_state(void)
{
    static uint8_t state_bytes[256];
    static struct lock_state state;
    struct lock_op op = {.kind = LOCK_ACQUIRE, .id = {3, 1, 1}, .mode = LOCK_EXCLUSIVE};
    lock_init(&state);
    lock_apply(&state, &op);
    struct writer w = writer_init(state_bytes, sizeof state_bytes);
    lock_encode(&w, &state);
    return (struct view){state_bytes, writer_size(&w)};
}

/* Its store is checked, and its life counts: from then on clients are served. */
static void begin_served(void)
{
    struct message known = {.type = WIRE_STORE_KNOWN};
    struct message stored = {.type = WIRE_LIFE_STORED, .life_stored = {.same = true}};
    begin();
    say(MEANT, &known);
    for (int i = 0; i < 2; i++) {
        write_u8(&play, DURABLE);
        write_u8(&play, PASS + 4);
    }
    say(MEANT, &stored);
    write_u8(&play, DURABLE);
}

static void write_each_type(void)
{
    for (int type = WIRE_NONE + 1; type < WIRE_TYPES; type++) {
        struct message m = wire_sample((enum wire_type)type);
        begin();
        say(0, &m);
        say(1 | MEANT, &m);
        say(MEANT | 8 << 2, &m);
        write_u8(&play, DURABLE);
        write_u8(&play, PASS + 9);
        end(wire_name(m.type));
    }
}

/* Node 1 prepares, reads, accepts, confirms. */
static void write_votes(void)
{
    struct ballot b = {1, 1, 3};
    struct view name = {(const uint8_t *)"image", 5};
    struct message m[] = {{.type = WIRE_STORE_KNOWN},
                          {.type = WIRE_PREPARE, .prepare = {.shard = 0, .ballot = b}},
                          {.type = WIRE_PREPARE, .prepare = {.shard = 1, .ballot = b}},
                          {.type = WIRE_READ, .read = {.ballot = b, .name = name}},
                          {.type = WIRE_ACCEPT,
                           .accept = {.ballot = b, .seq = 1, .name = name, .state = held_state()}},
                          {.type = WIRE_CONFIRM, .confirm = {.shard = 0, .ballot = b, .round = 1}},
                          {.type = WIRE_ACCEPT, .accept = {.ballot = b, .seq = 2, .name = name}}};
    begin();
    for (size_t i = 0; i < sizeof m / sizeof m[0]; i++) {
        say(MEANT, &m[i]);
        write_u8(&play, DURABLE);
    }
    end("votes");
}

/* A client asks; this peer takes the shard; node 1 promises, tells what it stored, accepts. */
static void write_grant(void)
{
    struct ballot b = {1, 1, 1};
    struct view name = {(const uint8_t *)"image", 5};
    struct message answers[] = {
        {.type = WIRE_PROMISE, .promise = {.shard = 0, .ballot = b, .adopted = 1}},
        {.type = WIRE_PROMISE, .promise = {.shard = 1, .ballot = b, .adopted = 1}},
        {.type = WIRE_STORED, .stored = {.ballot = b, .name = name}},
        {.type = WIRE_ACCEPTED, .accepted = {.ballot = b, .seq = 1, .name = name}},
        {.type = WIRE_CONFIRMED, .confirmed = {.shard = 0, .ballot = b, .round = 1}},
        {.type = WIRE_ACCEPTED, .accepted = {.ballot = b, .seq = 2, .name = name}},
        {.type = WIRE_REFUSE, .refuse = {.shard = 0, .ballot = b, .promised = {1, 2, 5}}}};
    begin_served();
    write_u8(&play, ACQUIRE);
    write_u8(&play, DURABLE);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        say(MEANT | 4 << 2, &answers[i]); /* the ballot is this peer's */
        write_u8(&play, DURABLE);
        write_u8(&play, PASS + 2);
        if (i == 3)
            write_u8(&play, SHOW);
        if (i == 4)
            write_u8(&play, DROP);
    }
    end("grant");
}

/* A client's request is answered by somebody else in every way there is. */
static void write_replies(void)
{
    struct view name = {(const uint8_t *)"image", 5};
    for (int verdict = 0; verdict <= REPLY_VERDICTS; verdict++) {
        struct message reply = {.type = WIRE_REPLY,
                                .reply = {.kind = REQUEST_ACQUIRE,
                                          .verdict = (uint8_t)verdict,
                                          .ballot = {1, 3, 3},
                                          .token = 7,
                                          .place = 1,
                                          .owner = 5,
                                          .name = name,
                                          .detail = held_state()}};
        struct message blocking = {.type = WIRE_BLOCKING, .blocking = {.name = name}};
        char file[32];
        begin_served();
        write_u8(&play, ACQUIRE | 8);
        write_u8(&play, DURABLE);
        say(MEANT | 8 << 2, &reply); /* about the operation asked last */
        say(MEANT | 8 << 2, &blocking);
        write_u8(&play, PASS + 12);
        write_u8(&play, DROP);
        reply.reply.kind = REQUEST_DROP;
        say(MEANT | 8 << 2, &reply);
        write_u8(&play, PASS + 12);
        snprintf(file, sizeof file, "reply-%d", verdict);
        end(file);
    }
}

/* Node 1 coordinates, and lacks this peer's vote alone: said before it came, while it is written,
 * when it is durable, and of a later one. */
static void write_provisional(void)
{
    struct ballot b = {1, 1, 3};
    struct view name = {(const uint8_t *)"image", 5};
    struct message accept = {
        .type = WIRE_ACCEPT,
        .accept = {.ballot = b, .seq = 2, .name = name, .state = held_state()}};
    struct message reply = {.type = WIRE_REPLY,
                            .reply = {.kind = REQUEST_ACQUIRE,
                                      .verdict = REPLY_GRANTED,
                                      .ballot = b,
                                      .token = 1,
                                      .name = name,
                                      .detail = held_state()}};
    for (unsigned when = 0; when < 4; when++) {
        char file[32];
        begin_served();
        write_u8(&play, ACQUIRE);
        for (unsigned step = 0; step < 4; step++) {
            reply.reply.seq = when + 1;
            if (step == when)
                say(MEANT | 8 << 2, &reply); /* about the operation asked last */
            if (step == 0)
                say(MEANT, &accept);
            if (step == 1)
                write_u8(&play, DURABLE);
        }
        write_u8(&play, DROP);
        write_u8(&play, PASS + 9);
        snprintf(file, sizeof file, "provisional-%u", when);
        end(file);
    }
}

static void write_rare(void)
{
    for (unsigned first = 0xf6; first <= 0xf9; first++) {
        char file[32];
        begin();
        write_u8(&play, ACQUIRE);
        write_u8(&play, (uint8_t)first);
        write_u8(&play, DURABLE);
        write_u8(&play, SHOW);
        for (unsigned span = 0; span < 16; span++)
            write_u8(&play, (uint8_t)(PASS + span));
        snprintf(file, sizeof file, "rare-%x", first);
        end(file);
    }
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 64;
    }
    directory = argv[1];
    snprintf(path, sizeof path, "%s/peer", directory);
    if ((mkdir(directory, 0777) != 0 && errno != EEXIST) ||
        (mkdir(path, 0777) != 0 && errno != EEXIST)) {
        perror(path);
        return 1;
    }
    write_each_type();
    write_votes();
    write_grant();
    write_replies();
    write_provisional();
    write_rare();
    return 0;
}
