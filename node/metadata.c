/* What a fence agent says of itself: see metadata.h. */
#include "node/metadata.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/clock.h"
#include "node/device.h"
#include "node/log.h"
#include "node/secrets.h"
#include "node/watcher.h"

#define METADATA_DEADLINE SPAN_MS(10000)

/* --- The text --- */

bool metadata_valid(const char *text, size_t size)
{
    static const char begin[] = "<resource-agent", end[] = "</resource-agent>";
    return size > 0 && memmem(text, size, begin, sizeof begin - 1) &&
           memmem(text, size, end, sizeof end - 1);
}

bool metadata_knows(const char *text, size_t size, const char *name, size_t name_size)
{
    static const char label[] = "<parameter name=\"";
    const char *at = text, *end = text + size;
    while ((at = memmem(at, (size_t)(end - at), label, sizeof label - 1)) != NULL) {
        at += sizeof label - 1;
        if ((size_t)(end - at) > name_size && at[name_size] == '"' &&
            memcmp(at, name, name_size) == 0)
            return true;
    }
    return false;
}

/* --- The agent --- */

/* False, after a word in the log, if it does not describe itself. */
static bool metadata_ask(struct watcher_report *out, const char *agent)
{
    static const char input[] = "action=metadata\n";
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *const argv[] = {(char *)(uintptr_t)agent, NULL}, *const environment[] = {path, NULL};
    struct watcher_order order = {.argv = argv,
                                  .environment = environment,
                                  .deadline = instant_after(clock_now(), METADATA_DEADLINE),
                                  .input = input,
                                  .input_size = sizeof input - 1};
    pid_t pid;
    int fd, error = access(agent, X_OK) == 0 ? 0 : errno;
    if (!error)
        error = watcher_start(&order, &pid, &fd);
    bool good = false;
    if (!error) {
        (void)waitpid(pid, NULL, 0);
        good = watcher_read(fd, out) && !out->timed_out && !out->error && WIFEXITED(out->status) &&
               WEXITSTATUS(out->status) == 0 && metadata_valid(out->out.text, out->out.size);
        close(fd);
    }
    if (!good)
        log_event(LOG_LEVEL_WARNING, "agent-unusable",
                  "agent=%s error=\"%s\" note=\"its options are not checked\"",
                  log_value(agent, strlen(agent)).text,
                  error ? strerror(error) : "it does not describe itself (action=metadata)");
    return good;
}

/* --- The devices --- */

static bool metadata_check_target(const struct config *config, const struct identity *identity,
                                  const struct config_device *d, struct fault *fault)
{
    const struct roster *roster = identity->roster;
    for (size_t i = 0; i < roster->node_count; i++) {
        const struct roster_node *node = &roster->nodes[i];
        if (strcmp(node->name, d->node) != 0)
            continue;
        if (d->identity == CONFIG_IDENTITY_FIXED && strcmp(node->device, d->fixed) != 0)
            return fault_set(fault, FAULT_CONFIG,
                             "%s:%d: device %s: identity: the roster names the device %s for node "
                             "%s, not %s: its receipts would count nowhere",
                             config->path, d->line, d->name,
                             node->device[0] ? node->device : "(none)", d->node, d->fixed);
        return true;
    }
    return fault_set(fault, FAULT_CONFIG, "%s:%d: device %s: the roster has no node %s",
                     config->path, d->line, d->name, d->node);
}

/* What would fail each time that the device is asked who it is. */
static bool metadata_check_query(const struct config *config, const struct config_device *d,
                                 struct fault *fault)
{
    char why[DEVICE_TEXT_SIZE];
    return d->identity != CONFIG_IDENTITY_IPMI_GUID || device_queryable(d, why) ||
           fault_set(fault, FAULT_CONFIG, "%s:%d: device %s: %s", config->path, d->line, d->name,
                     why);
}

static bool metadata_check_names(const struct config *config, const struct config_device *d,
                                 const struct secrets *secrets, const struct watcher_capture *text,
                                 struct fault *fault)
{
    for (size_t i = 0; i < d->option_count; i++) {
        size_t size = strcspn(d->options[i], "=");
        if (!metadata_knows(text->text, text->size, d->options[i], size))
            return fault_set(fault, FAULT_CONFIG,
                             "%s:%d: device %s: options: %s has no option %.*s; see %s -o metadata",
                             config->path, d->line, d->name, d->agent, (int)size, d->options[i],
                             d->agent);
    }
    for (size_t i = 0; i < secrets->count; i++)
        if (!metadata_knows(text->text, text->size, secrets->names[i], strlen(secrets->names[i])))
            return fault_set(fault, FAULT_CONFIG, "secrets %s: %s has no option %s", d->secrets,
                             d->agent, secrets->names[i]);
    return true;
}

bool metadata_check_devices(const struct config *config, const struct identity *identity,
                            struct fault *fault)
{
    static struct watcher_report report; /* of the agent asked last: as a rule all have one */
    const char *asked = NULL;
    bool known = false;
    for (size_t i = 0; i < config->devices.count; i++) {
        const struct config_device *d = &config->devices.list[i];
        struct secrets secrets = {0};
        char why[SECRETS_WHY_SIZE];
        if (!metadata_check_target(config, identity, d, fault) ||
            !metadata_check_query(config, d, fault))
            return false;
        if (d->secrets && !secrets_load(&secrets, d->secrets, why))
            return fault_set(fault, FAULT_CONFIG, "%s:%d: device %s: %s", config->path, d->line,
                             d->name, why);
        if (!asked || strcmp(asked, d->agent) != 0)
            known = metadata_ask(&report, d->agent);
        asked = d->agent;
        bool good = !known || metadata_check_names(config, d, &secrets, &report.out, fault);
        secrets_wipe(&secrets);
        if (!good)
            return false;
    }
    return true;
}
