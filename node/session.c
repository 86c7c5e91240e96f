/* Sessions: to whom a lock belongs, and the end of those whose client is gone. */
#include "node/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <unistd.h>
#include <utlist.h>

#include "node/log.h"
#include "node/render.h"
#include "node/several.h"
#include "proto/must.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; older kernels say ENOPROTOOPT */
#endif

struct session_seat {
    struct varlink_connection *connection;
    struct session *session;
    struct process process; /* at the other end; it has a use in the stop set */
    struct session_seat *next, *prev;
};

static void session_emptied(void *context);
static void session_grace_over(void *context);

/* --- Sessions --- */

void sessions_init(struct sessions *all, struct agent *agent, struct event_base *base,
                   struct clock *clock)
{
    *all = (struct sessions){.agent = agent, .base = base, .clock = clock};
    groups_init(&all->groups);
    all->operations.agent = agent;
    all->operations.clock = clock;
}

static struct session *session_new(struct sessions *all, const struct session_key *key, uid_t uid)
{
    struct session *s = calloc(1, sizeof *s);
    must(s);
    s->all = all;
    s->key = *key;
    s->uid = uid;
    hex_encode(s->name, key->bytes, (SESSION_NAME_SIZE - 1) / 2);
    s->grace = (struct alarm){.ring = session_grace_over, .context = s};
    const struct stopset_loop loop = {all->base, all->clock, &all->groups};
    stopset_init(&s->stopset, &loop, session_emptied, s);
    HASH_ADD(hh, all->by_key, key, sizeof s->key, s);
    return s;
}

static struct session *session_find(const struct sessions *all, const struct session_key *key)
{
    struct session *s;
    HASH_FIND(hh, all->by_key, key, sizeof *key, s);
    return s;
}

static struct session_key session_key_of(const uint8_t secret[SESSION_SECRET_SIZE])
{
    struct session_key key;
    struct digest digest = digest_of(secret, SESSION_SECRET_SIZE);
    memcpy(key.bytes, digest.bytes, sizeof key.bytes);
    return key;
}

static void session_unseat(struct session_seat *seat)
{
    struct session *s = seat->session;
    DL_DELETE(s->seats, seat);
    stopset_remove(&s->stopset, &seat->process);
    varlink_set_note(seat->connection, NULL);
    free(seat);
}

static void session_free(struct session *s)
{
    session_unwatch(s, false);
    clock_clear(s->all->clock, &s->grace);
    HASH_DELETE(hh, s->all->by_key, s);
    stopset_deinit(&s->stopset);
    sodium_memzero(s->secret, sizeof s->secret);
    free(s);
}

/* Ends a session that nobody owns and nothing belongs to. */
static void session_settle(struct session *s)
{
    if (s->state == SESSION_OPEN || s->operation_count > 0)
        return;
    session_unwatch(s, true);
    while (s->seats)
        session_unseat(s->seats);
    log_event(LOG_LEVEL_DEBUG, "session-ended", "session=%s", s->name);
    session_free(s);
}

void sessions_deinit(struct sessions *all)
{
    struct session *s, *next;
    HASH_ITER(hh, all->by_key, s, next)
    {
        struct operation *op, *op_next;
        DL_FOREACH_SAFE(s->operations, op, op_next)
        operation_free(op);
        struct session_seat *seat, *seat_next;
        DL_FOREACH_SAFE(s->seats, seat, seat_next)
        free(seat);
        session_free(s);
    }
    several_free_all(&all->operations);
    session_forget_early(all);
    groups_deinit(&all->groups);
}

void session_operation_gone(struct session *s, struct operation *op)
{
    DL_DELETE(s->operations, op);
    s->operation_count--;
    for (size_t i = 0; i < op->process_count; i++)
        stopset_remove(&s->stopset, &op->processes[i]);
    operation_free(op);
    session_settle(s);
}

/* --- Who takes part --- */

/* The kernel's own word that the process which connected still runs: else its pid may be another's.
 */
static bool session_peer_runs(const struct varlink_connection *connection)
{
    int fd = -1;
    socklen_t size = sizeof fd;
    if (getsockopt(varlink_fd(connection), SOL_SOCKET, SO_PEERPIDFD, &fd, &size) != 0)
        return errno == ENOPROTOOPT;
    bool runs = !process_ended(fd);
    close(fd);
    return runs;
}

static struct session_seat *session_seat(struct session *s, struct varlink_connection *connection)
{
    struct session_seat *seat = calloc(1, sizeof *seat);
    must(seat);
    pid_t pid = varlink_peer(connection)->pid;
    if (pid <= 0 || stopset_add(&s->stopset, pid, &seat->process) != PROCESS_FOUND) {
        free(seat);
        return NULL;
    }
    if (!session_peer_runs(connection)) {
        stopset_remove(&s->stopset, &seat->process);
        free(seat);
        return NULL;
    }
    seat->connection = connection;
    seat->session = s;
    DL_APPEND(s->seats, seat);
    varlink_set_note(connection, seat);
    return seat;
}

uint64_t session_number(const struct session *session)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | session->key.bytes[i];
    return number ? number : 1;
}

struct session *session_present(struct varlink_connection *connection)
{
    const struct session_seat *seat = varlink_note(connection);
    return seat ? seat->session : NULL;
}

const struct process *session_caller(struct varlink_connection *connection)
{
    const struct session_seat *seat = varlink_note(connection);
    must(seat);
    return &seat->process;
}

/* Whether this user has all that one may have: else each client that dies could leave the loop one
 * more to look after, until the table of operations is full. Those that only wait for their holds
 * to be dropped cost nothing. */
static bool session_full(const struct sessions *all, uid_t uid)
{
    size_t count = 0;
    const struct session *s, *next;
    HASH_ITER(hh, all->by_key, s, next)
    count += s->uid == uid && s->state != SESSION_ENDING;
    return count >= SESSIONS_PER_USER;
}

struct session *session_of(struct sessions *all, struct varlink_connection *connection,
                           enum session_status *status)
{
    struct session *present = session_present(connection);
    if (present) {
        *status = present->state == SESSION_OPEN ? SESSION_OK : SESSION_UNKNOWN;
        return present->state == SESSION_OPEN ? present : NULL;
    }
    if (session_full(all, varlink_peer(connection)->uid)) {
        *status = SESSION_FULL;
        return NULL;
    }
    uint8_t secret[SESSION_SECRET_SIZE];
    randombytes_buf(secret, sizeof secret);
    struct session_key key = session_key_of(secret);
    struct session *s = session_new(all, &key, varlink_peer(connection)->uid);
    hex_encode(s->secret, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
    s->owner = session_seat(s, connection);
    if (!s->owner) {
        session_free(s);
        *status = SESSION_UNSEEN;
        return NULL;
    }
    *status = SESSION_OK;
    return s;
}

/* True if the store names `process` with each hold: so after a restart of the agent they are still
 * its. */
static bool session_acts(const struct session *s, const struct process *process)
{
    const struct operation *op;
    DL_FOREACH(s->operations, op)
    {
        size_t i = 0;
        while (i < op->process_count &&
               (op->processes[i].pid != process->pid || op->processes[i].start != process->start))
            i++;
        if (op->state == OPERATION_HELD && i == op->process_count)
            return false;
    }
    return true;
}

static enum session_status session_resume(struct session *s, struct session_seat *seat,
                                          const char *secret)
{
    if (!session_acts(s, &seat->process))
        return SESSION_OTHER_PROCESS;
    s->state = SESSION_OPEN;
    s->owner = seat;
    memcpy(s->secret, secret, sizeof s->secret);
    stopset_unwatch(&s->stopset);
    clock_clear(s->all->clock, &s->grace);
    log_event(LOG_LEVEL_INFO, "session-resumed", "session=%s pid=%d", s->name,
              (int)seat->process.pid);
    return SESSION_OK;
}

enum session_status session_join(struct sessions *all, struct varlink_connection *connection,
                                 const char *secret, bool *resumed)
{
    uint8_t bytes[SESSION_SECRET_SIZE];
    struct session_seat *seat = varlink_note(connection);
    if (!hex_decode(bytes, sizeof bytes, secret))
        return SESSION_UNKNOWN;
    struct session_key key = session_key_of(bytes);
    sodium_memzero(bytes, sizeof bytes);
    struct session *s = session_find(all, &key);
    if (!s || sodium_memcmp(s->key.bytes, key.bytes, sizeof key.bytes) != 0 ||
        (s->state != SESSION_OPEN && s->state != SESSION_LOST))
        return SESSION_UNKNOWN;
    if (s->uid != varlink_peer(connection)->uid)
        return SESSION_OTHER_USER;
    if (seat && seat->session != s)
        return SESSION_TAKEN;
    bool fresh = !seat;
    if (fresh)
        seat = session_seat(s, connection);
    if (!seat)
        return SESSION_UNSEEN;
    *resumed = s->state == SESSION_LOST;
    enum session_status status = *resumed ? session_resume(s, seat, secret) : SESSION_OK;
    if (status != SESSION_OK && fresh)
        session_unseat(seat);
    return status;
}

/* --- The end of a client --- */

/* Its processes are watched; after the grace time they are killed; once they are gone its holds go.
 */
static void session_await(struct session *s)
{
    struct span grace = agent_config(s->all->agent)->grace;
    s->state = SESSION_LOST;
    stopset_watch(&s->stopset);
    clock_set(s->all->clock, &s->grace, instant_after(clock_now(), grace));
}

static void session_lose(struct session *s)
{
    struct operation *op, *next;
    size_t held = 0;
    s->state = SESSION_ENDING;
    DL_FOREACH_SAFE(s->operations, op, next)
    {
        if (op->state == OPERATION_ASKED)
            operation_abandon(op);
    }
    DL_FOREACH(s->operations, op) /* after those that went with what was abandoned */
    held += op->state == OPERATION_HELD;
    if (held == 0) {
        session_settle(s);
        return;
    }
    log_event(LOG_LEVEL_WARNING, "client-lost", "session=%s holds=%zu processes=%zu", s->name, held,
              stopset_count(&s->stopset));
    session_await(s);
}

static void session_kill(struct session *s)
{
    size_t refused = stopset_kill(&s->stopset);
    if (refused)
        log_event(LOG_LEVEL_ERROR, "client-unkillable",
                  "session=%s processes=%zu why=\"the agent may not kill them\" note=\"its locks "
                  "wait for their end\"",
                  s->name, refused);
    clock_set(s->all->clock, &s->grace, instant_after(clock_now(), SESSION_KILL_AGAIN));
}

static void session_grace_over(void *context)
{
    struct session *s = context;
    if (s->state != SESSION_KILLING)
        log_event(LOG_LEVEL_WARNING, "client-killed", "session=%s processes=%zu rule=F11", s->name,
                  stopset_count(&s->stopset));
    s->state = SESSION_KILLING;
    stopset_spare_none(&s->stopset);
    session_kill(s);
}

static void session_emptied(void *context)
{
    struct session *s = context;
    struct operation *op, *next;
    clock_clear(s->all->clock, &s->grace);
    s->state = SESSION_ENDING;
    log_event(LOG_LEVEL_INFO, "client-gone", "session=%s", s->name);
    DL_FOREACH_SAFE(s->operations, op, next)
    {
        if (op->state == OPERATION_HELD) {
            if (!op->lost)
                session_tell(s, "lost", op, op->mode, "the processes of this session are gone");
            log_event(LOG_LEVEL_WARNING, "hold-dropped",
                      "hold=%s name=%s unclean=yes rule=F11 note=\"its stop set is empty\"",
                      render_hold(op->id).text, log_value(op->name, strlen(op->name)).text);
            operation_drop(op, NULL, true);
        }
    }
    session_settle(s);
}

/* All that acts under the session's locks ends now; who sits at its sockets may say so first. */
void session_stop(struct session *s)
{
    const struct session_seat *seat;
    struct operation *op, *next;
    if (s->state != SESSION_OPEN && s->state != SESSION_LOST)
        return;
    s->state = SESSION_KILLING;
    s->owner = NULL;
    DL_FOREACH_SAFE(s->operations, op, next)
    {
        if (op->state == OPERATION_ASKED)
            operation_abandon(op);
    }
    log_event(LOG_LEVEL_ERROR, "client-stopped", "session=%s processes=%zu", s->name,
              stopset_count(&s->stopset));
    DL_FOREACH(s->seats, seat)
    stopset_spare(&s->stopset, &seat->process);
    DL_FOREACH(s->operations, op)
    {
        for (size_t i = 0; op->spare && i < op->process_count; i++)
            stopset_spare(&s->stopset, &op->processes[i]);
    }
    session_kill(s);
    clock_set(s->all->clock, &s->grace, instant_after(clock_now(), SESSION_LAST_WORDS));
    stopset_watch(&s->stopset);
}

void session_left(struct varlink_connection *connection)
{
    struct session_seat *seat = varlink_note(connection);
    if (!seat)
        return;
    struct session *s = seat->session;
    bool owned = s->owner == seat;
    session_unseat(seat);
    if (owned) {
        s->owner = NULL;
        session_lose(s);
    }
}

void sessions_ready(struct sessions *all)
{
    struct session *s, *next;
    HASH_ITER(hh, all->by_key, s, next)
    {
        struct operation *op;
        DL_FOREACH(s->operations, op)
        operation_ready(op);
    }
}

/* --- After a restart of the agent --- */

static void session_adopt(struct sessions *all, const struct op_view *view)
{
    struct holder holder;
    struct hold_text hold = render_hold(view->id);
    if (!holder_decode(&holder, view->process)) {
        log_event(LOG_LEVEL_ERROR, "hold-unreadable", "hold=%s name=%s note=\"kept\"", hold.text,
                  log_value(view->name.bytes, view->name.size).text);
        return;
    }
    /* What ran in another boot has ended with it. */
    if (memcmp(holder.boot_id, agent_identity(all->agent)->boot_id, sizeof holder.boot_id) != 0)
        holder.count = 0;
    struct session *s = session_find(all, &holder.session);
    if (!s) {
        s = session_new(all, &holder.session, holder.uid);
        session_await(s);
    }
    for (size_t i = 0; i < holder.count; i++)
        must(stopset_adopt(&s->stopset, &holder.processes[i]));
    must(operation_adopt(&all->operations, s, view, &holder));
    log_event(LOG_LEVEL_INFO, "hold-adopted", "hold=%s name=%s session=%s processes=%zu", hold.text,
              log_value(view->name.bytes, view->name.size).text, s->name, holder.count);
}

void sessions_adopt(struct sessions *all)
{
    size_t cursor = 0;
    struct op_view view;
    while (peer_next_op(agent_peer(all->agent), &cursor, &view))
        if (view.loaded && (view.state == OP_HELD || view.state == OP_PENDING))
            session_adopt(all, &view);
    session_about_early(all);
}

/* --- The stop set of a request --- */

/* Why `pid` cannot be named; NULL: it can, and has. */
static const char *session_named_why(enum process_status status)
{
    switch (status) {
    case PROCESS_FOUND:
        break;
    case PROCESS_GONE:
        return "pid: there is no such process";
    case PROCESS_UNREADABLE:
        return "pid: the agent cannot see this process";
    case PROCESS_STRANGER:
        return "pid: its parent is not the caller";
    }
    return NULL;
}

static void session_holder_use(struct session *s, struct holder *holder,
                               const struct process *process)
{
    for (size_t i = 0; i < holder->count; i++)
        if (holder->processes[i].pid == process->pid)
            return;
    stopset_use(&s->stopset, process);
    holder->processes[holder->count++] = *process;
}

bool session_holder(struct session *s, struct varlink_connection *connection, pid_t pid,
                    struct holder *out, const char **why)
{
    const struct process *caller = session_caller(connection);
    struct process child;
    bool other = pid != 0 && pid != caller->pid;
    *why = other ? session_named_why(stopset_add_named(&s->stopset, caller, pid, &child)) : NULL;
    if (*why)
        return false;
    *out = (struct holder){.session = s->key, .uid = s->uid};
    memcpy(out->boot_id, agent_identity(s->all->agent)->boot_id, sizeof out->boot_id);
    if (other)
        out->processes[out->count++] = child; /* its use is the one that stopset_add made */
    session_holder_use(s, out, caller);
    session_holder_use(s, out, &s->owner->process);
    return true;
}
