/* What Prometheus scrapes: its text format. */
#include "node/metrics.h"

#include <inttypes.h>

void metrics_family(FILE *out, const char *name, enum metrics_type type, const char *help)
{
    static const char *const types[] = {[METRICS_COUNTER] = "counter",
                                        [METRICS_GAUGE] = "gauge",
                                        [METRICS_HISTOGRAM] = "histogram"};
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

void metrics_count(FILE *out, const char *name, const char *label, const char *value, uint64_t n)
{
    if (label)
        fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, n);
    else
        fprintf(out, "%s %" PRIu64 "\n", name, n);
}

void metrics_one(FILE *out, const char *name, enum metrics_type type, const char *help, uint64_t n)
{
    metrics_family(out, name, type, help);
    metrics_count(out, name, NULL, NULL, n);
}

void metrics_span(FILE *out, const char *name, struct span span)
{
    uint64_t us = span.ns > 0 ? (uint64_t)span.ns / 1000 : 0;
    fprintf(out, "%s %" PRIu64 ".%06" PRIu64 "\n", name, us / 1000000, us % 1000000);
}

void metrics_spread(FILE *out, const char *name, const char *label, const char *value,
                    const struct histogram *h)
{
    uint64_t count = 0;
    char with[128] = "", alone[128] = "";
    if (label) {
        snprintf(with, sizeof with, "%s=\"%s\",", label, value);
        snprintf(alone, sizeof alone, "{%s=\"%s\"}", label, value);
    }
    for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
        uint32_t us = histogram_bounds_us[i];
        char bound[32];
        count += h->counts[i];
        int n = snprintf(bound, sizeof bound, "%u.%06u", us / 1000000, us % 1000000);
        while (n > 0 && bound[n - 1] == '0' && bound[n - 2] != '.')
            bound[--n] = '\0';
        fprintf(out, "%s_bucket{%sle=\"%s\"} %" PRIu64 "\n", name, with, bound, count);
    }
    count += h->counts[HISTOGRAM_BOUNDS];
    fprintf(out, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, with, count);
    fprintf(out, "%s_sum%s %" PRIu64 ".%06" PRIu64 "\n", name, alone, h->sum_us / 1000000,
            h->sum_us % 1000000);
    fprintf(out, "%s_count%s %" PRIu64 "\n", name, alone, count);
}

void metrics_write(FILE *out, const struct api *api, const struct http_server *http)
{
    metrics_node(out, api, http);
    metrics_cluster(out, api);
    metrics_guard(out, api);
}
