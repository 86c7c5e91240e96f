/*
 * The agent. What must hold: whatever the peer wants appended goes to the store before the next
 * step, in order; if the store cannot take it, the peer hears EVENT_SYNC_FAILED and votes no more
 * (L6).
 */
#include "node/agent.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <sodium.h>
#include <uthash.h>
#include <utlist.h>

#include "node/executor_link.h"
#include "node/log.h"
#include "node/pages.h"
#include "node/watchdog.h"
#include "proto/must.h"

/* Who waits for the answers to one handle. */
struct agent_route {
    uint64_t handle;
    agent_answer answer;
    void *context;
    UT_hash_handle hh;
};

/* A request that waits for the next turn, with copies of what it points at behind it. */
struct agent_request {
    struct event event;
    struct agent_request *next, *prev;
    uint8_t bytes[];
};

struct agent {
    struct event_base *base;
    struct clock *clock;
    const struct config *config;
    const struct identity *identity;
    struct agent_hooks hooks;
    void *memory; /* the peer's */
    size_t memory_size;
    struct peer *peer;
    struct store *store;
    bool store_lost; /* the operator's word: a store that fails its checks is lost */
    struct event *store_event;
    struct store_news news;
    struct figures figures;
    struct udp *udp;
    struct executor_link *executor;
    struct fence_log *fence_log;
    struct watchdog *watchdog; /* NULL: this machine has none */
    struct alarm tick;         /* at peer_deadline */
    bool tick_due;
    bool started;
    bool sync_failed; /* the peer was told */
    bool carrying;    /* within agent_carry_out: effects are being read */
    unsigned stepped; /* events since the last peer_effects */
    struct agent_request *requests;
    struct agent_route *routes;
    uint64_t last_handle;
    uint64_t durable_told; /* EVENT_DURABLE up to here was sent */
    uint64_t written_told; /* EVENT_WRITTEN */
    struct instant started_at;
};

/* --- The turn --- */

/* A segment holds all that was ever appended, so it also takes the place of the records just made.
 */
static bool agent_write_segment(struct agent *a)
{
    size_t room = peer_segment_size(a->peer);
    uint8_t *bytes = malloc(room);
    uint64_t lsn = 0;
    if (!bytes)
        return false;
    size_t size = peer_segment(a->peer, bytes, room, &lsn);
    bool taken = size <= STORE_SEGMENT_MAX && store_segment(a->store, bytes, size, lsn);
    free(bytes);
    log_event(LOG_LEVEL_DEBUG, "segment", "lsn=%llu bytes=%zu", (unsigned long long)lsn, size);
    return taken;
}

/* Hands the turn's records to the store. False: it takes no more. */
static bool agent_persist(struct agent *a, const struct effects *e)
{
    bool full = store_used(a->store) + e->records.size > store_capacity(a->store);
    if (e->segment_wanted || full)
        return agent_write_segment(a);
    return e->records.size == 0 || store_append(a->store, e->records.bytes, e->records.size, e->lsn,
                                                e->sync_wanted    ? STORE_SYNCED
                                                : e->write_wanted ? STORE_WRITTEN
                                                                  : STORE_LATER);
}

static void agent_tell(struct agent *a, const struct effects *e)
{
    for (size_t i = 0; i < e->answer_count; i++) {
        const struct answer *answer = &e->answers[i];
        struct agent_route *route;
        HASH_FIND(hh, a->routes, &answer->handle, sizeof answer->handle, route);
        if (route)
            route->answer(route->context, answer);
        else if (answer->handle == 0)
            a->hooks.about_hold(a->hooks.context, answer);
    }
    for (size_t i = 0; i < e->notice_count; i++) {
        const struct notice *notice = &e->notices[i];
        figures_notice(&a->figures, notice);
        a->hooks.notice(a->hooks.context, notice);
        if (notice->kind == NOTICE_PROOF)
            executor_link_proven(a->executor, notice->slot, notice->number);
    }
}

/* The certificate that a run rests on, for the executor to check anew (F4); empty if there is
 * none. */
static struct view agent_certificate(const struct agent *a, const struct run *run,
                                     uint8_t out[ORDER_CERT_BYTES_MAX])
{
    struct order_view view;
    size_t cursor = 0;
    while (peer_next_order(a->peer, &cursor, &view)) {
        if (memcmp(view.order.bytes, run->order.bytes, DIGEST_SIZE) != 0)
            continue;
        struct writer w = writer_init(out, ORDER_CERT_BYTES_MAX);
        order_cert_encode(&w, &view.cert);
        must(!w.failed);
        return (struct view){out, writer_size(&w)};
    }
    return (struct view){out, 0};
}

static void agent_execute(struct agent *a, const struct effects *e)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    for (size_t i = 0; i < e->run_count; i++)
        executor_link_run(a->executor, &e->runs[i], agent_certificate(a, &e->runs[i], bytes));
}

static void agent_carry_out(struct agent *a)
{
    struct effects e;
    bool failed = false;
    must(!a->carrying);
    a->carrying = true;
    do {
        peer_effects(a->peer, clock_now(), &e);
        /* First, since others sync meanwhile: none of it rests on this turn's records (L6). */
        udp_send(a->udp, e.datagrams, e.datagram_count);
        if (!a->sync_failed && !failed)
            failed = !agent_persist(a, &e);
        fence_log_take(a->fence_log, e.steps, e.steps_dropped); /* before who is told asks why */
        agent_tell(a, &e);
        agent_execute(a, &e);
        if (e.pet)
            watchdog_pet(a->watchdog, e.pet_until);
    } while (peer_pending(a->peer));
    a->carrying = false;
    a->stepped = 0;
    if (failed && !a->sync_failed) {
        a->sync_failed = true;
        log_event(LOG_LEVEL_ERROR, "store-failed",
                  "why=\"the store takes no more; this node votes no more\"");
        peer_step(a->peer, clock_now(), &(struct event){.kind = EVENT_SYNC_FAILED});
        a->stepped++;
    }
}

static void agent_step(struct agent *a, const struct event *event)
{
    peer_step(a->peer, clock_now(), event);
    if (++a->stepped >= AGENT_STEPS)
        agent_carry_out(a);
}

static void agent_step_requests(struct agent *a)
{
    /* Answers may queue further requests: they have the next turn, so that one turn ends. */
    struct agent_request *requests = a->requests;
    a->requests = NULL;
    while (requests) {
        struct agent_request *r = requests;
        DL_DELETE(requests, r);
        agent_step(a, &r->event);
        free(r);
    }
}

void agent_turn(struct agent *a)
{
    if (!a->started)
        return;
    do {
        agent_step_requests(a);
        if (a->tick_due || instant_reached(clock_now(), peer_deadline(a->peer))) {
            a->tick_due = false;
            histogram_add_span(&a->figures.ticks,
                               span_between(peer_deadline(a->peer), clock_now()));
            agent_step(a, &(struct event){.kind = EVENT_TICK});
        }
        if (a->stepped > 0 || peer_pending(a->peer))
            agent_carry_out(a);
    } while (a->requests || a->stepped > 0);
    clock_set(a->clock, &a->tick, peer_deadline(a->peer));
}

/* --- What wakes the agent --- */

static void agent_ticked(void *context)
{
    struct agent *a = context;
    a->tick_due = true; /* agent_turn follows every callback of the loop */
}

static void agent_datagram(void *context, struct view bytes, const struct address *from)
{
    struct agent *a = context;
    if (a->started)
        agent_step(a, &(struct event){.kind = EVENT_DATAGRAM, .source = *from, .datagram = bytes});
}

static void agent_refused(void *context, uint16_t slot)
{
    struct agent *a = context;
    /* While effects are carried out the peer must not be stepped; the next error says it again. */
    if (a->started && !a->carrying)
        agent_step(a, &(struct event){.kind = EVENT_REFUSED, .slot = slot});
}

static void agent_store_news_came(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct agent *a = context;
    store_poll(a->store, &a->news);
    if (a->news.written_lsn > a->written_told && a->news.written_lsn > a->news.durable_lsn)
        agent_step(a, &(struct event){.kind = EVENT_WRITTEN, .lsn = a->news.written_lsn});
    a->written_told = a->news.written_lsn;
    if (a->news.durable_lsn > a->durable_told) {
        a->durable_told = a->news.durable_lsn;
        agent_step(a, &(struct event){.kind = EVENT_DURABLE, .lsn = a->durable_told});
    }
    if (a->news.failed && !a->sync_failed) {
        a->sync_failed = true;
        log_event(LOG_LEVEL_ERROR, "store-failed",
                  "state=%s what=\"%s\" error=\"%s\" why=\"this node votes no more; %s, then "
                  "restart the agent\"",
                  log_value(a->config->state, strlen(a->config->state)).text,
                  a->news.failed_at ? a->news.failed_at : "", strerror(a->news.error),
                  store_error_is_room(a->news.error) ? "make room there" : "repair the disk");
        agent_step(a, &(struct event){.kind = EVENT_SYNC_FAILED});
    }
}

/* --- Requests --- */

/* Copies `v` behind the request and returns the copy. */
static struct view agent_copy(uint8_t **at, struct view v)
{
    struct view copy = {*at, v.size};
    if (v.size)
        memcpy(*at, v.bytes, v.size);
    *at += v.size;
    return copy;
}

/* What an event points at. */
enum { AGENT_VIEWS_MAX = 3 };
struct agent_views {
    struct view *view[AGENT_VIEWS_MAX];
};

static struct agent_views agent_views_of(struct event *event)
{
    switch (event->kind) {
    case EVENT_ACQUIRE:
        return (struct agent_views){
            {&event->acquire.name, &event->acquire.process, &event->acquire.data}};
    case EVENT_SHOW:
        return (struct agent_views){{&event->show.name}};
    case EVENT_CHANGE:
        return (struct agent_views){{&event->change.value}};
    case EVENT_SUBMIT:
        return (struct agent_views){{&event->submit.file}};
    case EVENT_EXECUTED:
        return (struct agent_views){{&event->executed.text}};
    case EVENT_INHIBIT:
        return (struct agent_views){{&event->inhibit.who, &event->inhibit.reason}};
    case EVENT_FENCE:
        return (struct agent_views){{&event->fence.who, &event->fence.reason}};
    case EVENT_HEAR:
    case EVENT_DATAGRAM:
    case EVENT_WRITTEN:
    case EVENT_DURABLE:
    case EVENT_SYNC_FAILED:
    case EVENT_REFUSED:
    case EVENT_TICK:
    case EVENT_DROP:
    case EVENT_LEAVE:
        break;
    }
    return (struct agent_views){0};
}

/* Queues a copy of the event, with what it points at, for the next turn. */
static struct agent_request *agent_queue(struct agent *a, const struct event *event)
{
    struct event copy = *event;
    struct agent_views from = agent_views_of(&copy);
    size_t size = 0;
    for (int i = 0; i < AGENT_VIEWS_MAX; i++)
        size += from.view[i] ? from.view[i]->size : 0;
    struct agent_request *r = calloc(1, sizeof *r + size);
    must(r); /* as jansson and libevent do: no memory for a small piece is the end */
    uint8_t *at = r->bytes;
    r->event = *event;
    struct agent_views to = agent_views_of(&r->event);
    for (int i = 0; i < AGENT_VIEWS_MAX; i++)
        if (to.view[i])
            *to.view[i] = agent_copy(&at, *to.view[i]);
    DL_APPEND(a->requests, r);
    return r;
}

static uint64_t *agent_handle_of(struct event *event)
{
    switch (event->kind) {
    case EVENT_ACQUIRE:
        return &event->acquire.handle;
    case EVENT_DROP:
        return &event->drop.handle;
    case EVENT_SHOW:
        return &event->show.handle;
    case EVENT_CHANGE:
        return &event->change.handle;
    case EVENT_SUBMIT:
        return &event->submit.handle;
    case EVENT_INHIBIT:
        return &event->inhibit.handle;
    case EVENT_FENCE:
    case EVENT_HEAR:
        return &event->fence.handle;
    case EVENT_DATAGRAM:
    case EVENT_WRITTEN:
    case EVENT_DURABLE:
    case EVENT_SYNC_FAILED:
    case EVENT_REFUSED:
    case EVENT_TICK:
    case EVENT_EXECUTED:
    case EVENT_LEAVE:
        break;
    }
    return NULL; /* nobody waits for an answer to it */
}

uint64_t agent_ask(struct agent *a, const struct event *event, agent_answer answer, void *context)
{
    struct agent_route *route = calloc(1, sizeof *route);
    must(route);
    *route = (struct agent_route){.handle = ++a->last_handle, .answer = answer, .context = context};
    uint64_t *handle = agent_handle_of(&agent_queue(a, event)->event);
    must(handle);
    *handle = route->handle;
    HASH_ADD(hh, a->routes, handle, sizeof route->handle, route);
    return route->handle;
}

static void agent_executed(void *context, const struct event *executed)
{
    agent_queue(context, executed); /* it may come while effects are carried out */
}

void agent_forget(struct agent *a, uint64_t handle)
{
    struct agent_route *route;
    HASH_FIND(hh, a->routes, &handle, sizeof handle, route);
    if (!route)
        return;
    HASH_DELETE(hh, a->routes, route);
    free(route);
}

/* --- Start and end --- */

static void agent_init_peer(struct agent *a)
{
    struct peer_config config;
    peer_config_default(&config);
    config.roster = a->identity->roster;
    config.roster_digest = a->identity->roster_digest;
    config.cluster = a->config->cluster;
    config.self = a->identity->self;
    config.key = &a->identity->key;
    config.max_locks = a->config->max_locks;
    config.max_ops = a->config->max_operations;
    config.register_bytes = a->config->register_bytes;
    config.run_span = config_run_longest(a->config);
    config.stop_on_isolation = a->config->stop_on_isolation;
    if (a->watchdog) {
        config.watchdog = watchdog_timeout(a->watchdog);
        config.watchdog_fresh = watchdog_fresh(a->watchdog);
    }
    memcpy(config.boot_id, a->identity->boot_id, sizeof config.boot_id);
    randombytes_buf(config.seed, sizeof config.seed);
    a->memory_size = peer_size(&config);
    if (!a->memory)
        a->memory = pages_get(a->memory_size);
    must(a->memory);
    a->peer = peer_init(a->memory, &config);
    sodium_memzero(config.seed, sizeof config.seed);
}

/*
 * What is damaged may hold the only copy of a vote, and an older copy may be at hand: an operator
 * says what becomes of it, not a restart by itself.
 */
static bool agent_refuse_store(const struct agent *a, const char *why, struct fault *fault)
{
    return fault_set(fault, FAULT_CONFIG,
                     "%s/votes.log: %s; restore the disk, or go on without a vote: "
                     "holdfastd --store-lost moves the file aside",
                     a->config->state, why);
}

/* Goes on with a store that no roster names: this node votes no more, and says so (L7). */
static bool agent_start_lost(struct agent *a, const char *why, bool missing, struct fault *fault)
{
    char aside[STORE_NAME_SIZE] = "";
    struct store_id id;
    int error = missing ? 0 : store_replace_lost(a->store, aside);
    if (error)
        return fault_set(fault, FAULT_OTHER, "state %s: votes.log cannot be moved aside: %s",
                         a->config->state, strerror(error));
    randombytes_buf(id.bytes, sizeof id.bytes);
    log_event(LOG_LEVEL_ERROR, "store-lost",
              "state=%s why=\"%s\" kept_as=\"%s\" note=\"this node votes no more until a roster "
              "names a new "
              "store for it\"",
              log_value(a->config->state, strlen(a->config->state)).text, why, aside);
    agent_init_peer(a);
    peer_recover_lost(a->peer, &id);
    return true;
}

static bool agent_recover(struct agent *a, enum store_status status, struct view log,
                          struct fault *fault)
{
    agent_init_peer(a);
    if (status == STORE_MISSING)
        return agent_start_lost(a, "there is no votes.log", true, fault);
    enum peer_recovery recovery = peer_recover(a->peer, log.bytes, log.size);
    store_recovered(a->store);
    switch (recovery) {
    case RECOVERED:
        return true;
    case RECOVERED_TORN:
        log_event(LOG_LEVEL_INFO, "store-torn", "note=\"a torn tail, never synced, was left out\"");
        return true;
    case RECOVERY_LOST:
        return a->store_lost ? agent_start_lost(a, peer_recovery_text(recovery), false, fault)
                             : agent_refuse_store(a, peer_recovery_text(recovery), fault);
    case RECOVERY_FOREIGN:
        return fault_set(
            fault, FAULT_CONFIG,
            "state %s: votes.log is of another cluster or node; name this node's own state "
            "directory",
            a->config->state);
    case RECOVERY_TOO_LARGE:
        return fault_set(
            fault, FAULT_CONFIG,
            "state %s: votes.log holds more than the configuration allows; raise max-locks, "
            "max-operations or register-bytes",
            a->config->state);
    }
    return false;
}

static bool agent_open_store(struct agent *a, struct fault *fault)
{
    struct store_trouble trouble;
    struct view log;
    char text[STORE_TEXT_SIZE];
    enum store_status status = store_open(a->config->state, &trouble, &a->store, &log);
    if (status != STORE_OK && status != STORE_MISSING) {
        a->store = NULL;
        store_status_text(text, sizeof text, status, &trouble, a->config->state);
        return fault_set(fault, FAULT_CONFIG, "%s", text);
    }
    /* Only whoever has the store's lock opens the device, or takes it over. */
    if (!watchdog_open(&a->watchdog, a->config, a->identity, fault))
        return false;
    if (!agent_recover(a, status, log, fault))
        return false;
    a->store_event = event_new(a->base, store_event_fd(a->store), EV_READ | EV_PERSIST,
                               agent_store_news_came, a);
    if (!a->store_event || event_add(a->store_event, NULL) != 0)
        return fault_set(fault, FAULT_OTHER, "the store cannot be added to the loop");
    return true;
}

/* Beside the store, whose lock keeps other agents away from it. */
static void agent_open_fence_log(struct agent *a)
{
    struct fence_log_hooks hooks = {a->hooks.context, a->hooks.fence_logged,
                                    a->hooks.fence_log_trouble};
    a->fence_log =
        fence_log_open(a->base, a->config->state, &a->config->cluster, a->identity->self, &hooks);
}

struct agent *agent_open(struct event_base *base, struct clock *clock, const struct config *config,
                         const struct identity *identity, bool store_lost,
                         const struct agent_hooks *hooks, struct fault *fault)
{
    struct agent *a = calloc(1, sizeof *a);
    must(a);
    a->base = base;
    a->clock = clock;
    a->config = config;
    a->identity = identity;
    a->store_lost = store_lost;
    a->hooks = *hooks;
    a->tick = (struct alarm){.ring = agent_ticked, .context = a};
    a->executor = executor_link_open(base, clock, config, identity, agent_executed, a);
    struct udp_hooks udp = {a, agent_datagram, agent_refused};
    bool opened = agent_open_store(a, fault);
    if (opened)
        agent_open_fence_log(a);
    if (opened)
        a->udp = udp_open(base, identity->roster, identity->self, &config->listen, &udp, fault);
    if (a->udp)
        return a;
    agent_close(a);
    return NULL;
}

void agent_start(struct agent *a)
{
    pages_trim(a->memory, a->memory_size);
    a->started = true;
    a->started_at = clock_now();
    peer_start(a->peer, a->started_at);
    struct peer_status status;
    peer_status(a->peer, &status);
    fence_log_add(a->fence_log, &(struct fence_step){.kind = FENCE_STEP_STARTED,
                                                     .started = {a->identity->self, status.life}});
    agent_carry_out(a);
    agent_turn(a);
}

void agent_leave(struct agent *a)
{
    agent_step(a, &(struct event){.kind = EVENT_LEAVE});
    agent_carry_out(a);
}

/* Nothing is held, or may be: a run that has not started holds what it found. */
static bool agent_idle(const struct agent *a)
{
    struct op_view view;
    size_t cursor = 0;
    if (!a->peer)
        return a->watchdog && watchdog_fresh(a->watchdog);
    while (peer_next_op(a->peer, &cursor, &view))
        if (view.state == OP_HELD || (view.loaded && view.state != OP_DROPPING))
            return false;
    return true;
}

bool agent_close(struct agent *a)
{
    watchdog_close(a->watchdog, agent_idle(a));
    struct agent_route *route, *next;
    struct agent_request *r, *r_next;
    clock_clear(a->clock, &a->tick);
    HASH_ITER(hh, a->routes, route, next)
    {
        HASH_DELETE(hh, a->routes, route);
        free(route);
    }
    DL_FOREACH_SAFE(a->requests, r, r_next)
    {
        DL_DELETE(a->requests, r);
        free(r);
    }
    if (a->store_event)
        event_free(a->store_event);
    udp_close(a->udp);
    executor_link_close(a->executor);
    fence_log_close(a->fence_log);
    bool good = !a->store || store_close(a->store);
    pages_put(a->memory, a->memory_size);
    free(a);
    return good;
}

/* --- Looks --- */

const struct peer *agent_peer(const struct agent *a)
{
    return a->peer;
}

const struct config *agent_config(const struct agent *a)
{
    return a->config;
}

const struct identity *agent_identity(const struct agent *a)
{
    return a->identity;
}

const struct store_news *agent_store_news(const struct agent *a)
{
    return &a->news;
}

const struct store *agent_store(const struct agent *a)
{
    return a->store;
}

const struct watchdog *agent_watchdog(const struct agent *a)
{
    return a->watchdog;
}

struct figures *agent_figures(struct agent *a)
{
    return &a->figures;
}

const struct udp_counters *agent_udp_counters(const struct agent *a)
{
    return udp_counters(a->udp);
}

struct fence_log *agent_fence_log(const struct agent *a)
{
    return a->fence_log;
}

struct instant agent_started(const struct agent *a)
{
    return a->started_at;
}

const char *agent_node_name(const struct agent *a, uint16_t slot)
{
    int index = roster_find(a->identity->roster, slot);
    return index < 0 ? "?" : a->identity->roster->nodes[index].name;
}
