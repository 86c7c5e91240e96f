/* Metrics of this node itself: its process, clock, store, sockets and local API. */
#include "node/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "crypto/version.h"
#include "node/store.h"

/* --- The process --- */

static struct instant wall_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (struct instant){(int64_t)t.tv_sec * 1000000000 + t.tv_nsec};
}

/* Resident pages; 0 if the kernel does not tell. */
static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_descriptors(void)
{
    uint64_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count > 3 ? count - 3 : 0; /* ".", ".." and that of the folder */
}

static void metrics_process(FILE *out, const struct api *api)
{
    struct rusage used = {0};
    struct rlimit limit = {0};
    struct span up = span_between(agent_started(api->agent), clock_now());
    getrusage(RUSAGE_SELF, &used);
    getrlimit(RLIMIT_NOFILE, &limit);
    int64_t us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) +
                 used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    metrics_family(out, "process_cpu_seconds_total", METRICS_COUNTER,
                   "Processor time of the agent, user and system.");
    metrics_span(out, "process_cpu_seconds_total", (struct span){us * 1000});
    metrics_one(out, "process_resident_memory_bytes", METRICS_GAUGE, "Resident memory.",
                resident_bytes());
    metrics_one(out, "process_open_fds", METRICS_GAUGE, "Open file descriptors.",
                open_descriptors());
    metrics_one(out, "process_max_fds", METRICS_GAUGE, "Most file descriptors that may be open.",
                limit.rlim_cur);
    metrics_family(out, "process_start_time_seconds", METRICS_GAUGE,
                   "When the agent was started, by the wall clock, since 1970.");
    metrics_span(out, "process_start_time_seconds", (struct span){wall_now().ns - up.ns});
}

static void metrics_clock(FILE *out, const struct api *api)
{
    metrics_family(out, "holdfast_clock_boot_seconds", METRICS_GAUGE,
                   "The clock that all timers use, since boot, suspend included: its rate, "
                   "compared between nodes, must agree within 500 ppm.");
    metrics_span(out, "holdfast_clock_boot_seconds", (struct span){clock_now().ns});
    metrics_family(out, "holdfast_clock_wall_seconds", METRICS_GAUGE,
                   "The wall clock, since 1970; nothing rests on it.");
    metrics_span(out, "holdfast_clock_wall_seconds", (struct span){wall_now().ns});
    metrics_family(out, "holdfast_tick_delay_seconds", METRICS_HISTOGRAM,
                   "How late the agent's loop served its timers: stalls of the agent or of its "
                   "machine.");
    metrics_spread(out, "holdfast_tick_delay_seconds", NULL, NULL,
                   &agent_figures(api->agent)->ticks);
}

static void metrics_identity(FILE *out, const struct api *api, const struct peer_status *p)
{
    const struct identity *id = agent_identity(api->agent);
    char cluster[2 * DIGEST_SIZE + 1];
    hex_encode(cluster, agent_config(api->agent)->cluster.bytes, DIGEST_SIZE);
    metrics_family(out, "holdfast_build_info", METRICS_GAUGE, "The agent's version; always 1.");
    fprintf(out, "holdfast_build_info{version=\"%s\"} 1\n", HOLDFAST_VERSION);
    metrics_family(out, "holdfast_node_info", METRICS_GAUGE,
                   "Which node of which cluster this is; always 1.");
    fprintf(out, "holdfast_node_info{node=\"%s\",slot=\"%u\",cluster=\"%s\",lab=\"%s\"} 1\n",
            id->node->name, (unsigned)id->self, cluster, id->roster->lab ? "yes" : "no");
    metrics_one(out, "holdfast_roster_epoch", METRICS_GAUGE, "Epoch of the roster in use.",
                id->roster->epoch);
    metrics_one(out, "holdfast_life", METRICS_GAUGE,
                "Number of this node's present life: it rises with each boot.", p->life);
}

/* --- The store --- */

static void metrics_store(FILE *out, const struct api *api, const struct peer_status *p)
{
    const struct store *store = agent_store(api->agent);
    const struct store_figures *f = &agent_store_news(api->agent)->figures;
    static const char *const states[] = {[STORE_CHECKING] = "checking",
                                         [STORE_VOTING] = "voting",
                                         [STORE_LOST] = "lost",
                                         [STORE_BEHIND] = "behind",
                                         [STORE_FAILED] = "failed"};
    metrics_family(out, "holdfast_store_state", METRICS_GAUGE,
                   "1 for the state that the store is in; it votes only while \"voting\".");
    for (unsigned i = 0; i < sizeof states / sizeof *states; i++)
        metrics_count(out, "holdfast_store_state", "state", states[i], p->store == i);
    metrics_one(out, "holdfast_log_size_bytes", METRICS_GAUGE,
                "Bytes of the vote log that are taken.", store_used(store));
    metrics_one(out, "holdfast_log_capacity_bytes", METRICS_GAUGE,
                "Size of the vote log's file: when it is full it is written anew.",
                store_capacity(store));
    metrics_one(out, "holdfast_log_unsynced_records", METRICS_GAUGE,
                "Records that are not known to be on the disk yet.", p->lsn - p->durable);
    metrics_one(out, "holdfast_log_syncs_total", METRICS_COUNTER, "Syncs of the vote log.",
                f->syncs);
    metrics_one(out, "holdfast_log_rewrites_total", METRICS_COUNTER,
                "How often the vote log was written anew.", f->segments);
    metrics_one(out, "holdfast_log_written_bytes_total", METRICS_COUNTER,
                "Bytes of records that were synced.", f->bytes);
    metrics_family(out, "holdfast_log_sync_seconds", METRICS_HISTOGRAM,
                   "How long a sync of records took; every grant waits for one at a majority.");
    metrics_spread(out, "holdfast_log_sync_seconds", NULL, NULL, &f->sync_times);
}

/* --- The network --- */

/* The core's counters whose names begin so, as one family with the rest of the name as label. */
static void metrics_prefixed(FILE *out, const char *name, const char *label, const char *prefix,
                             const struct peer_counters *c)
{
    size_t size = strlen(prefix);
#define METRICS_PREFIXED(counter)                                                                  \
    if (strncmp(#counter, prefix, size) == 0)                                                      \
        metrics_count(out, name, label, &#counter[size], c->counter);
    PEER_COUNTERS(METRICS_PREFIXED)
#undef METRICS_PREFIXED
}

static void metrics_udp(FILE *out, const struct api *api)
{
    const struct udp_counters *u = agent_udp_counters(api->agent);
    metrics_family(out, "holdfast_datagrams_total", METRICS_COUNTER,
                   "Datagrams that the kernel took from this node or gave to it.");
    metrics_count(out, "holdfast_datagrams_total", "direction", "received", u->udp_received);
    metrics_count(out, "holdfast_datagrams_total", "direction", "sent", u->udp_sent);
    metrics_family(out, "holdfast_datagram_send_errors_total", METRICS_COUNTER,
                   "Datagrams that the kernel did not take, by its error.");
#define METRICS_ERROR(counter)                                                                     \
    if (strncmp(#counter, "udp_error_", 10) == 0)                                                  \
        metrics_count(out, "holdfast_datagram_send_errors_total", "error", &#counter[10],          \
                      u->counter);
    UDP_COUNTERS(METRICS_ERROR)
#undef METRICS_ERROR
}

static void metrics_network(FILE *out, const struct api *api)
{
    const struct peer_counters *c = peer_counters(agent_peer(api->agent));
    metrics_udp(out, api);
    metrics_family(out, "holdfast_messages_total", METRICS_COUNTER,
                   "Messages of the protocol; several share a datagram.");
    metrics_count(out, "holdfast_messages_total", "direction", "received", c->messages_in);
    metrics_count(out, "holdfast_messages_total", "direction", "sent", c->messages_out);
    metrics_family(out, "holdfast_dropped_total", METRICS_COUNTER,
                   "Datagrams and messages that were not acted on, by reason.");
    metrics_prefixed(out, "holdfast_dropped_total", "reason", "drop_", c);
    metrics_family(out, "holdfast_relayed_messages_total", METRICS_COUNTER,
                   "Messages to or from nodes that are not reached directly; handed: passed on "
                   "for others.");
    metrics_prefixed(out, "holdfast_relayed_messages_total", "direction", "relays_", c);
    metrics_family(out, "holdfast_ways_total", METRICS_COUNTER,
                   "How often the way to a node changed: to one through another node, to another "
                   "such one, back to the direct one.");
    metrics_prefixed(out, "holdfast_ways_total", "to", "ways_", c);
}

/* --- Who asks --- */

static void metrics_clients(FILE *out, const struct api *api, const struct http_server *http)
{
    const struct varlink_counters *v = varlink_counters(api->server);
    const struct http_counters *h = http_counters(http);
    metrics_one(out, "holdfast_api_connections", METRICS_GAUGE,
                "Connections to the local API that are open.",
                varlink_connection_count(api->server));
    metrics_one(out, "holdfast_api_calls_total", METRICS_COUNTER, "Calls of the local API.",
                v->calls);
    metrics_family(out, "holdfast_api_refused_total", METRICS_COUNTER,
                   "Connections and calls of the local API that were refused, by reason.");
    metrics_count(out, "holdfast_api_refused_total", "reason", "crowded", v->refused);
    metrics_count(out, "holdfast_api_refused_total", "reason", "denied", v->denied);
    metrics_count(out, "holdfast_api_refused_total", "reason", "garbage", v->garbage);
    metrics_count(out, "holdfast_api_refused_total", "reason", "slow", v->slow);
    metrics_one(out, "holdfast_http_connections", METRICS_GAUGE,
                "HTTP connections that are open, this one included.", http_connection_count(http));
    metrics_one(out, "holdfast_http_streams", METRICS_GAUGE,
                "Of these, the streams of events: status pages that somebody looks at.",
                http_stream_count(http));
    metrics_family(out, "holdfast_http_requests_total", METRICS_COUNTER,
                   "HTTP requests that were answered, by how.");
    metrics_count(out, "holdfast_http_requests_total", "result", "answered", h->answers);
    metrics_count(out, "holdfast_http_requests_total", "result", "refused", h->refused);
    metrics_family(out, "holdfast_http_closed_total", METRICS_COUNTER,
                   "HTTP connections that were closed before their time, by reason.");
    metrics_count(out, "holdfast_http_closed_total", "reason", "crowded", h->crowded);
    metrics_count(out, "holdfast_http_closed_total", "reason", "slow", h->slow);
}

/* --- The executor beside it --- */

static void metrics_executor(FILE *out, const struct api *api)
{
    struct executor_probe_view v = executor_probe_view(api->executor);
    metrics_one(out, "holdfast_executor_wanted", METRICS_GAUGE,
                "1 if the roster lets this node execute orders, else 0: it needs no executor.",
                v.wanted);
    metrics_one(out, "holdfast_executor_reachable", METRICS_GAUGE,
                "1 while this node's executor answers.", v.reachable);
    metrics_one(out, "holdfast_executor_runs_total", METRICS_COUNTER,
                "Runs of fence drivers by this node's executor, as it last said.", v.state.runs);
    metrics_one(out, "holdfast_executor_refusals_total", METRICS_COUNTER,
                "Runs that a rule forbade this node's executor, as it last said.",
                v.state.refusals);
}

void metrics_node(FILE *out, const struct api *api, const struct http_server *http)
{
    struct peer_status p;
    peer_status(agent_peer(api->agent), &p);
    metrics_identity(out, api, &p);
    metrics_process(out, api);
    metrics_clock(out, api);
    metrics_store(out, api, &p);
    metrics_network(out, api);
    metrics_clients(out, api, http);
    metrics_executor(out, api);
}
