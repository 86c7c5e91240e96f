/*
 * A wholly compromised agent at the executor's socket (F4, F9): it has this node's key and one
 * more, every certificate that ever was, and as many connections as it likes. Whatever it sends,
 * nothing is switched off that a majority of the jurors did not order, nor twice.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "node/executor_server.h"
#include "node/listener.h"
#include "tests/unit/fencer_play.h"

Suite *suite_executor_server(void);

enum { PATH_SIZE = 192, JURORS = 3 };

static struct {
    char dir[128];
    struct event_base *base;
    struct clock clock;
    struct config config;
    struct identity identity;
    struct roster roster;
    struct acts *acts;
    int socket;
    struct executor_server *server;
    struct fencer *fencer;
    struct inspector *inspector;
    int agent; /* the compromised one's connection; -1: none */
} world;

static const char *path_of(const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", world.dir, name);
    return path;
}

/* --- The executor --- */

static void begin(uid_t user)
{
    struct fault fault = {0};
    world.acts = acts_open(world.dir, &world.config.cluster, &fault);
    ck_assert_msg(world.acts != NULL, "%s", fault.text);
    world.socket = listener_open(path_of("socket"), SOCK_SEQPACKET, (uid_t)-1, (gid_t)-1, &fault);
    ck_assert_msg(world.socket >= 0, "%s", fault.text);
    world.server = executor_server_open(world.base, world.socket, user, &fault);
    world.fencer = fencer_open(world.base, &world.clock, &world.config, &world.identity, world.acts,
                               NULL, executor_server_done, world.server);
    world.inspector = inspector_open(world.base, &world.clock, &world.config, &world.identity,
                                     executor_server_inspected, world.server);
    executor_server_serve(world.server, world.fencer, world.inspector);
}

static void end(void)
{
    if (world.agent >= 0)
        close(world.agent);
    world.agent = -1;
    executor_server_close(world.server);
    fencer_close(world.fencer);
    inspector_close(world.inspector);
    listener_close(world.socket, path_of("socket"));
    acts_close(world.acts);
}

/* Keeps each verb in $D/verbs; `status` says off. */
static void write_script(void)
{
    FILE *file = fopen(path_of("script"), "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "#!/bin/sh\necho \"$1 $HOLDFAST_NODE\" >>%s/verbs\n[ $1 = off ] && exit 0\n",
            world.dir);
    fprintf(file, "echo lab:$HOLDFAST_NODE; exit 2\n");
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path_of("script"), 0755), 0);
}

static void setup(void)
{
    struct fault fault = {0};
    const char *tmp = getenv("TMPDIR");
    memset(&world, 0, sizeof world);
    world.agent = -1;
    snprintf(world.dir, sizeof world.dir, "%s/test_server.XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(world.dir));
    fixture_roster(&world.roster, JURORS, 1);
    play_configure(&world.config, &world.identity, &world.roster, path_of("script"));
    world.base = event_base_new();
    ck_assert(clock_open(&world.clock, world.base, &fault));
    write_script();
    begin(geteuid());
}

static void teardown(void)
{
    static const char *const files[] = {"script", "verbs", "acts", "acts.new"};
    end();
    clock_close(&world.clock);
    event_base_free(world.base);
    free(world.config.actions[0].exec);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(path_of(files[i]));
    rmdir(world.dir);
}

/* Lets the executor work off what there is. */
static void turn(void)
{
    struct executor_state state = {0};
    do {
        ck_assert(event_base_loop(world.base, EVLOOP_NONBLOCK) >= 0);
        fencer_state(world.fencer, &state);
        if (state.running > 0)
            ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
    } while (state.running > 0);
    for (int i = 0; i < 4; i++)
        ck_assert(event_base_loop(world.base, EVLOOP_NONBLOCK) >= 0);
}

static struct executor_state state_of(void)
{
    struct executor_state state = {0};
    fencer_state(world.fencer, &state);
    return state;
}

static void check_verbs(const char *expected)
{
    char text[1024] = "";
    FILE *file = fopen(path_of("verbs"), "r");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    ck_assert_str_eq(text, expected);
}

/* --- The agent --- */

static int connect_now(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, path_of("socket"), strlen(path_of("socket")));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(const void *bytes, size_t size)
{
    if (world.agent < 0)
        world.agent = connect_now();
    (void)send(world.agent, bytes, size, MSG_NOSIGNAL);
}

/* The outcome of the last request; RUN_UNKNOWN where the connection was closed, which then is. */
static enum run_outcome hear(void)
{
    uint8_t bytes[EXECUTOR_ANSWER_MAX + 1];
    struct executor_answer answer;
    turn();
    ssize_t n = recv(world.agent, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n <= 0) {
        close(world.agent);
        world.agent = -1;
        return RUN_UNKNOWN;
    }
    ck_assert(executor_answer_decode(&answer, bytes, (size_t)n));
    return answer.type == EXECUTOR_ENDED ? answer.outcome : RUN_UNKNOWN;
}

static size_t encode(uint8_t out[EXECUTOR_REQUEST_MAX], enum executor_kind kind, uint16_t slot,
                     uint64_t life, uint8_t action, const struct order_cert *cert)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, cert);
    struct executor_request request = {.type = EXECUTOR_RUN,
                                       .id = 3,
                                       .kind = kind,
                                       .action = action,
                                       .slot = slot,
                                       .life = life,
                                       .begin_by = instant_after(clock_now(), PLAY_SPAN),
                                       .end_by = instant_after(clock_now(), PLAY_SPAN),
                                       .cert = {bytes, writer_size(&w)}};
    return executor_request_encode(out, &request);
}

static enum run_outcome run(enum executor_kind kind, const struct order_cert *cert, uint8_t action)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX];
    say(bytes, encode(bytes, kind, cert->order.slot, cert->order.life, action, cert));
    return hear();
}

/* Of the jurors with index first .. first + count - 1. */
static struct order_cert certified(size_t target, uint64_t life, size_t first, size_t count,
                                   uint32_t allows)
{
    struct order order = fixture_order(&world.roster, target);
    order.life = life;
    return fixture_order_cert(&order, first, count, allows, &world.config.cluster);
}

/* It still works: the one honest order is carried out, once. */
static void check_alive(void)
{
    struct order_cert good = certified(PLAY_TARGET, 7, 0, 2, 1u << 1);
    ck_assert_int_eq(run(EXECUTOR_OFF, &good, 1), RUN_OFF);
    check_verbs("off n1\nstatus n1\n");
}

/* --- What it tries --- */

START_TEST(forged_certificates)
{
    struct order_cert cert;
    cert = certified(PLAY_TARGET, 7, 0, 1, 1u << 1); /* its own vote alone */
    ck_assert_int_eq(run(EXECUTOR_OFF, &cert, 1), RUN_UNKNOWN);
    cert.votes[1] = cert.votes[0]; /* twice */
    cert.count = 2;
    ck_assert_int_eq(run(EXECUTOR_OFF, &cert, 1), RUN_UNKNOWN);
    cert.votes[1].juror = world.roster.nodes[1].slot; /* under another's name */
    ck_assert_int_eq(run(EXECUTOR_OFF, &cert, 1), RUN_UNKNOWN);
    cert = certified(PLAY_TARGET, 7, 0, 2, 1u); /* that allow to retire it */
    ck_assert_int_eq(run(EXECUTOR_OFF, &cert, 1), RUN_UNKNOWN);
    cert.votes[0].allows = cert.votes[1].allows = 1u << 1;
    ck_assert_int_eq(run(EXECUTOR_OFF, &cert, 1), RUN_UNKNOWN);
    cert = certified(PLAY_TARGET, 7, 0, 2, 1u << 1); /* against another life, another node */
    cert.order.life = 8;
    ck_assert_int_eq(run(EXECUTOR_OFF, &cert, 1), RUN_UNKNOWN);
    cert.order.life = 7;
    cert.order.slot = world.roster.nodes[2].slot;
    ck_assert_int_eq(run(EXECUTOR_OFF, &cert, 1), RUN_UNKNOWN);
    cert = certified(PLAY_TARGET, 7, 0, 2, 1u << 1); /* of another roster */
    cert.order.roster.bytes[0] ^= 1;
    ck_assert_int_eq(run(EXECUTOR_OFF, &cert, 1), RUN_UNKNOWN);
    check_verbs("");
    ck_assert_uint_eq(state_of().refusals, 8);
    check_alive();
}
END_TEST

/* Good certificates for what they do not say. */
START_TEST(other_targets)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX];
    struct order_cert cert = certified(PLAY_TARGET, 7, 0, 2, 1u << 1);
    static const struct {
        uint16_t slot;
        uint64_t life;
        uint8_t action;
    } asked[] = {{5, 7, 1}, {1, 7, 1}, {99, 7, 1}, {3, 6, 1},  {3, 8, 1},
                 {3, 7, 0}, {3, 7, 2}, {3, 7, 31}, {3, 7, 255}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        say(bytes,
            encode(bytes, EXECUTOR_OFF, asked[i].slot, asked[i].life, asked[i].action, &cert));
        ck_assert_int_eq(hear(), RUN_UNKNOWN);
    }
    cert = certified(PLAY_SELF, 7, 0, 3, 1u << 1); /* its own node, certified by all */
    ck_assert_int_eq(run(EXECUTOR_OFF, &cert, 1), RUN_UNKNOWN);
    check_verbs("");
    check_alive();
}
END_TEST

/* Replays: of the same order, of an older one, after a restart of the executor, on again. */
START_TEST(replays)
{
    struct order_cert old = certified(PLAY_TARGET, 6, 0, 2, 1u << 1);
    struct order_cert good = certified(PLAY_TARGET, 7, 0, 2, 1u << 1);
    struct order_cert others = certified(PLAY_TARGET, 7, 1, 2, 1u << 1); /* the same order */
    check_alive();
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(run(EXECUTOR_OFF, &good, 1), RUN_UNKNOWN);
        ck_assert_int_eq(run(EXECUTOR_OFF, &others, 1), RUN_UNKNOWN);
        ck_assert_int_eq(run(EXECUTOR_OFF, &old, 1), RUN_UNKNOWN);
        ck_assert_int_eq(run(EXECUTOR_ON, &good, 1), RUN_UNKNOWN);
        end();
        begin(geteuid());
    }
    check_verbs("off n1\nstatus n1\n");
}
END_TEST

/* Two at once, by two connections: one act. */
START_TEST(two_at_once)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX];
    struct order_cert good = certified(PLAY_TARGET, 7, 0, 2, 1u << 1);
    size_t size = encode(bytes, EXECUTOR_OFF, good.order.slot, 7, 1, &good);
    int second = connect_now();
    say(bytes, size);
    ck_assert_int_eq(send(second, bytes, size, 0), (ssize_t)size);
    enum run_outcome first = hear();
    close(world.agent);
    world.agent = second;
    ck_assert_int_eq(first == RUN_OFF ? RUN_UNKNOWN : RUN_OFF, hear());
    check_verbs("off n1\nstatus n1\n");
}
END_TEST

/* Every prefix of a good request, and every one with a byte changed or added. */
START_TEST(truncated_and_altered)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX + 1] = {0}, changed[EXECUTOR_REQUEST_MAX + 1];
    struct order_cert good = certified(PLAY_TARGET, 7, 0, 2, 1u << 1);
    size_t size = encode(bytes, EXECUTOR_OFF, good.order.slot, 7, 1, &good);
    for (size_t i = 1; i <= size + 1; i++) {
        if (i == size)
            continue;
        say(bytes, i);
        ck_assert_int_eq(hear(), RUN_UNKNOWN);
    }
    for (size_t i = 0; i < size; i++) {
        memcpy(changed, bytes, size);
        changed[i] ^= 0x40;
        if ((i >= 2 && i < 10) || (i >= 22 && i < 38))
            continue; /* the id and the times are the agent's own */
        say(changed, size);
        ck_assert_int_eq(hear(), RUN_UNKNOWN);
    }
    check_verbs("");
    check_alive();
}
END_TEST

/* Nothing grows, and nobody else is kept from it. */
START_TEST(flood)
{
    uint8_t garbage[EXECUTOR_REQUEST_MAX + 1];
    int extra[2 * EXECUTOR_CONNECTIONS_MAX];
    struct order_cert forged = certified(PLAY_TARGET, 7, 0, 1, 1u << 1);
    for (size_t i = 0; i < sizeof extra / sizeof *extra; i++)
        extra[i] = connect_now();
    turn();
    for (size_t i = 0; i < sizeof extra / sizeof *extra; i++)
        close(extra[i]);
    turn();
    for (unsigned i = 0; i < 2000; i++) {
        memset(garbage, (int)i, sizeof garbage);
        say(garbage, 1 + i * 7 % sizeof garbage);
        ck_assert_int_eq(hear(), RUN_UNKNOWN);
        if (i % 20 == 0)
            ck_assert_int_eq(run(EXECUTOR_OFF, &forged, 1), RUN_UNKNOWN);
    }
    check_verbs("");
    check_alive();
}
END_TEST

/* One that never reads its answers loses its connection, and blocks nobody. */
START_TEST(deaf)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX];
    struct order_cert forged = certified(PLAY_TARGET, 7, 0, 1, 1u << 1);
    size_t size = encode(bytes, EXECUTOR_OFF, forged.order.slot, 7, 1, &forged);
    int fd = connect_now();
    bool lost = false;
    for (int i = 0; i < 100000 && !lost; i++) {
        lost = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0;
        turn();
    }
    ck_assert(lost);
    close(fd);
    check_alive();
}
END_TEST

/* Whoever is not the agent's user is not heard. */
START_TEST(stranger)
{
    struct order_cert good = certified(PLAY_TARGET, 7, 0, 2, 1u << 1);
    end();
    begin(geteuid() + 1);
    ck_assert_int_eq(run(EXECUTOR_OFF, &good, 1), RUN_UNKNOWN);
    check_verbs("");
    end();
    begin(geteuid());
    check_alive();
}
END_TEST

/* It hung meanwhile, and who asked has given it up: what is left of that does nothing (F9). */
START_TEST(given_up)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX];
    struct order_cert good = certified(PLAY_TARGET, 7, 0, 2, 1u << 1);
    for (int i = 0; i < 2; i++) { /* with a connection that it knows, and with one that is new */
        if (i == 0) {
            world.agent = connect_now();
            turn();
        }
        say(bytes, encode(bytes, EXECUTOR_OFF, good.order.slot, 7, 1, &good));
        close(world.agent);
        world.agent = -1;
        turn();
        ck_assert_uint_eq(state_of().acts, 0);
    }
    check_verbs("");
    check_alive();
}
END_TEST

START_TEST(looks)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX], said[EXECUTOR_ANSWER_MAX + 1];
    struct executor_answer answer;
    struct executor_request look = {.type = EXECUTOR_LOOK, .id = 9};
    check_alive();
    say(bytes, executor_request_encode(bytes, &look));
    turn();
    ssize_t n = recv(world.agent, said, sizeof said, MSG_DONTWAIT);
    ck_assert_int_gt(n, 0);
    ck_assert(executor_answer_decode(&answer, said, (size_t)n));
    ck_assert_int_eq(answer.type, EXECUTOR_STATE);
    ck_assert_uint_eq(answer.id, 9);
    ck_assert_uint_eq(answer.state.acts, 1);
    ck_assert_uint_eq(answer.state.runs, 1);
    ck_assert_uint_eq(answer.state.running, 0);
}
END_TEST

/* What it may ask without an order runs no script, and asking twice at once costs its connection.
 */
START_TEST(parts)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX], said[EXECUTOR_ANSWER_MAX + 1];
    struct executor_answer answer;
    for (uint32_t i = 0; i < 200; i++) {
        struct executor_request ask = {
            .type = EXECUTOR_ASK_PART, .id = i, .index = i < 100 ? 0 : i << 24 | i};
        say(bytes, executor_request_encode(bytes, &ask));
        turn();
        ssize_t n = recv(world.agent, said, sizeof said, MSG_DONTWAIT);
        ck_assert_int_gt(n, 0);
        ck_assert(executor_answer_decode(&answer, said, (size_t)n));
        ck_assert_int_eq(answer.type, EXECUTOR_PART);
        ck_assert_int_eq(answer.part.kind, i < 100 ? EXECUTOR_PART_SCRIPT : EXECUTOR_PART_NONE);
    }
    check_verbs("");
    check_alive();
}
END_TEST

Suite *suite_executor_server(void)
{
    const TTest *const tests[] = {forged_certificates,
                                  other_targets,
                                  replays,
                                  two_at_once,
                                  truncated_and_altered,
                                  flood,
                                  deaf,
                                  stranger,
                                  given_up,
                                  looks,
                                  parts};
    Suite *s = suite_create("executor_server");
    TCase *c = tcase_create("executor_server");
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
