/* Metrics of what administrators inhibit, and of this machine's watchdog. */
#include "node/metrics.h"

#include "node/watchdog.h"

static void metrics_inhibitors(FILE *out, const struct api *api)
{
    uint64_t known[INHIBITOR_KINDS] = {0}, here[INHIBITOR_KINDS] = {0};
    const struct peer *peer = agent_peer(api->agent);
    struct inhibitor_view view;
    struct peer_status status;
    size_t cursor = 0;
    peer_status(peer, &status);
    while (peer_next_inhibitor(peer, &cursor, &view)) {
        if (!view.on || view.left.ns <= 0)
            continue;
        known[view.kind]++;
        here[view.kind] |= view.scope == SLOT_NONE || view.scope == status.self;
    }
    metrics_family(out, "holdfast_inhibitors", METRICS_GAUGE,
                   "What administrators inhibit, of any node, as far as this node knows.");
    for (unsigned i = 0; i < INHIBITOR_KINDS; i++)
        metrics_count(out, "holdfast_inhibitors", "kind",
                      inhibitor_kind_text((enum inhibitor_kind)i), known[i]);
    metrics_family(out, "holdfast_inhibited", METRICS_GAUGE,
                   "1 while this node itself is under it; frozen it is with all nodes, too.");
    for (unsigned i = 0; i < INHIBITOR_KINDS; i++)
        metrics_count(out, "holdfast_inhibited", "kind",
                      inhibitor_kind_text((enum inhibitor_kind)i), here[i]);
}

static void metrics_watchdog(FILE *out, const struct api *api)
{
    struct watchdog_view view;
    watchdog_view(&view, agent_watchdog(api->agent), clock_now());
    metrics_one(out, "holdfast_watchdog_armed", METRICS_GAUGE,
                "1 while this machine's watchdog runs and this agent has it petted.", view.armed);
    metrics_family(out, "holdfast_watchdog_timeout_seconds", METRICS_GAUGE,
                   "Its time-out, as read back from the device; 0 without one.");
    metrics_span(out, "holdfast_watchdog_timeout_seconds", view.timeout);
    metrics_family(out, "holdfast_watchdog_margin_seconds", METRICS_GAUGE,
                   "Until it resets this machine, unless it is petted before.");
    metrics_span(out, "holdfast_watchdog_margin_seconds", view.left);
    metrics_family(out, "holdfast_watchdog_margin_least_seconds", METRICS_GAUGE,
                   "The least that was left when it was petted, since this agent started.");
    metrics_span(out, "holdfast_watchdog_margin_least_seconds", view.least);
}

void metrics_guard(FILE *out, const struct api *api)
{
    metrics_inhibitors(out, api);
    metrics_watchdog(out, api);
}
