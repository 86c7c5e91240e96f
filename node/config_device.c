/* The blocks `device` of the configuration: see config_device.h. */
#include "node/config_device.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_FOLDER "/usr/sbin/"
#define DEVICE_FIXED  "fixed:"
#define DEVICE_GUID   "ipmi-guid"
/* Beside the agent's own times: its start, its answers, a slow machine. */
#define DEVICE_MARGIN SPAN_MS(5000)

cfg_opt_t config_device_options[] = {
    CFG_STR("node", NULL, CFGF_NODEFAULT),
    CFG_STR("agent", NULL, CFGF_NODEFAULT),
    CFG_STR_LIST("options", NULL, CFGF_NODEFAULT),
    CFG_STR("secrets", NULL, CFGF_NODEFAULT),
    CFG_STR("identity", NULL, CFGF_NODEFAULT),
    CFG_INT("login-timeout", 5, CFGF_NONE),
    CFG_INT("power-timeout", 20, CFGF_NONE),
    CFG_BOOL("power-on", cfg_true, CFGF_NONE),
    CFG_END(),
};

/* --- Checks --- */

/* What the executor says itself, and what would be seen by whoever reads this file. */
static const char *refuse_option(const char *name, size_t size)
{
    static const char *const own[] = {"action", "login_timeout", "power_timeout", "method"};
    static const char *const secret[] = {
        "password",         "passwd",           "password_script",         "passwd_script",
        "snmp_auth_passwd", "snmp_priv_passwd", "snmp_priv_passwd_script", "community",
        "hexadecimal_kg"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strlen(own[i]) == size && memcmp(own[i], name, size) == 0)
            return "is given by the executor, not here";
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        if (strlen(secret[i]) == size && memcmp(secret[i], name, size) == 0)
            return "belongs in the file that `secrets` names";
    return NULL;
}

static int check_option(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    const char *why = refuse_option(text, name);
    if (cfg_opt_size(opt) > CONFIG_DEVICE_OPTIONS_MAX)
        cfg_error(cfg, "device %s: over %d options", cfg_title(cfg), CONFIG_DEVICE_OPTIONS_MAX);
    else if (name == 0 || text[name] != '=' || strpbrk(text, "\r\n"))
        cfg_error(cfg, "device %s: options: \"%s\" is not name=value", cfg_title(cfg), text);
    else if (why)
        cfg_error(cfg, "device %s: options: %.*s %s", cfg_title(cfg), (int)name, text, why);
    else
        return 0;
    return -1;
}

static int check_path(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *path = cfg_opt_getnstr(opt, 0);
    bool agent = strcmp(cfg_opt_name(opt), "agent") == 0;
    if (path &&
        (path[0] == '/' || (agent && strncmp(path, "fence_", 6) == 0 && !strchr(path, '/'))))
        return 0;
    cfg_error(cfg, "device %s: %s: %s is not an absolute path%s", cfg_title(cfg), cfg_opt_name(opt),
              path && *path ? path : "nothing",
              agent ? " or the name of an agent in " DEVICE_FOLDER : "");
    return -1;
}

/* "fixed:ID", "ipmi-guid" or "ipmi-guid:GUID". */
static bool parse_identity(enum config_identity *kind, char fixed[DEVICE_SIZE], const char *text)
{
    size_t guid = strlen(DEVICE_GUID);
    memset(fixed, 0, DEVICE_SIZE);
    *kind =
        strncmp(text, DEVICE_GUID, guid) == 0 ? CONFIG_IDENTITY_IPMI_GUID : CONFIG_IDENTITY_FIXED;
    if (*kind == CONFIG_IDENTITY_IPMI_GUID && text[guid] == '\0')
        return true;
    const char *id = *kind == CONFIG_IDENTITY_IPMI_GUID ? text + guid : text;
    const char *label = *kind == CONFIG_IDENTITY_IPMI_GUID ? ":" : DEVICE_FIXED;
    if (strncmp(id, label, strlen(label)) != 0 || strlen(id + strlen(label)) >= DEVICE_SIZE)
        return false;
    memcpy(fixed, id + strlen(label), strlen(id + strlen(label)));
    for (char *c = fixed; *kind == CONFIG_IDENTITY_IPMI_GUID && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return fixed[0] && roster_device_valid(fixed);
}

static int check_identity(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *text = cfg_opt_getnstr(opt, 0);
    enum config_identity kind;
    char fixed[DEVICE_SIZE];
    if (text && parse_identity(&kind, fixed, text))
        return 0;
    cfg_error(cfg,
              "device %s: identity: %s is none of ipmi-guid, ipmi-guid:GUID and fixed:ID, where ID "
              "is what the roster names (up to %d printable characters)",
              cfg_title(cfg), text && *text ? text : "nothing", DEVICE_SIZE - 1);
    return -1;
}

static int check_timeout(cfg_t *cfg, cfg_opt_t *opt)
{
    long value = cfg_opt_getnint(opt, 0);
    if (value >= 1 && value <= 60)
        return 0;
    cfg_error(cfg, "device %s: %s: %ld is not between 1 and 60", cfg_title(cfg), cfg_opt_name(opt),
              value);
    return -1;
}

/* The block as a whole, once it is closed. */
static int check_block(cfg_t *cfg, cfg_opt_t *opt)
{
    static const char *const needed[] = {"node", "agent", "identity"};
    unsigned count = cfg_opt_size(opt);
    cfg_t *block = cfg_opt_getnsec(opt, count - 1);
    const char *name = cfg_title(block);
    if (count > CONFIG_DEVICES_MAX) {
        cfg_error(cfg, "device %s: over %d devices", name, CONFIG_DEVICES_MAX);
        return -1;
    }
    if (!*name || strlen(name) >= CONFIG_DEVICE_NAME_SIZE) {
        cfg_error(cfg, "device \"%s\": a name has 1 to %d bytes", name,
                  CONFIG_DEVICE_NAME_SIZE - 1);
        return -1;
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!cfg_getstr(block, needed[i])) {
            cfg_error(cfg, "device %s: %s is missing", name, needed[i]);
            return -1;
        }
    if (strlen(cfg_getstr(block, "node")) < ROSTER_NAME_SIZE)
        return 0;
    cfg_error(cfg, "device %s: node: no node has so long a name", name);
    return -1;
}

void config_device_add_checks(cfg_t *cfg)
{
    cfg_set_validate_func(cfg, "device|options", check_option);
    cfg_set_validate_func(cfg, "device|agent", check_path);
    cfg_set_validate_func(cfg, "device|secrets", check_path);
    cfg_set_validate_func(cfg, "device|identity", check_identity);
    cfg_set_validate_func(cfg, "device|login-timeout", check_timeout);
    cfg_set_validate_func(cfg, "device|power-timeout", check_timeout);
    cfg_set_validate_func(cfg, "device", check_block);
}

/* --- Values --- */

static bool take_texts(struct config_device *d, cfg_t *block)
{
    const char *agent = cfg_getstr(block, "agent"), *secrets = cfg_getstr(block, "secrets");
    size_t size = strlen(agent) + sizeof DEVICE_FOLDER;
    d->agent = calloc(1, size);
    d->options = calloc(cfg_size(block, "options") + 1, sizeof *d->options);
    d->secrets = secrets ? strdup(secrets) : NULL;
    if (!d->agent || !d->options || (secrets && !d->secrets))
        return false;
    strcat(strcpy(d->agent, agent[0] == '/' ? "" : DEVICE_FOLDER), agent);
    while (d->option_count < cfg_size(block, "options")) {
        char *copy = strdup(cfg_getnstr(block, "options", (unsigned)d->option_count));
        if (!copy)
            return false;
        d->options[d->option_count++] = copy;
    }
    return true;
}

static bool take_device(struct config_device *d, cfg_t *block)
{
    const char *node = cfg_getstr(block, "node"), *identity = cfg_getstr(block, "identity");
    *d = (struct config_device){.line = block->line, .power_on = cfg_getbool(block, "power-on")};
    memcpy(d->name, cfg_title(block), strlen(cfg_title(block)));
    memcpy(d->node, node, strlen(node));
    parse_identity(&d->identity, d->fixed, identity);
    d->login_timeout = span_times(SPAN_MS(1000), cfg_getint(block, "login-timeout"));
    d->power_timeout = span_times(SPAN_MS(1000), cfg_getint(block, "power-timeout"));
    return take_texts(d, block);
}

bool config_device_take(struct config_devices *out, cfg_t *cfg)
{
    unsigned count = cfg_size(cfg, "device");
    out->list = calloc(count + 1, sizeof *out->list);
    for (unsigned i = 0; out->list && i < count; i++) {
        out->count = i + 1;
        if (!take_device(&out->list[i], cfg_getnsec(cfg, "device", i)))
            return false;
    }
    return out->list != NULL;
}

void config_device_free(struct config_devices *devices)
{
    for (size_t i = 0; i < devices->count; i++) {
        struct config_device *d = &devices->list[i];
        for (size_t j = 0; j < d->option_count; j++)
            free(d->options[j]);
        free(d->options);
        free(d->secrets);
        free(d->agent);
    }
    free(devices->list);
    *devices = (struct config_devices){0};
}

/* --- Looks --- */

const char *config_device_option(const struct config_device *d, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < d->option_count; i++)
        if (strncmp(d->options[i], name, size) == 0 && d->options[i][size] == '=')
            return d->options[i] + size + 1;
    return NULL;
}

struct span config_device_deadline(const struct config_device *d)
{
    return (struct span){d->login_timeout.ns + 2 * d->power_timeout.ns + DEVICE_MARGIN.ns};
}

struct span config_devices_longest(const struct config_devices *devices)
{
    struct span longest = {0};
    for (size_t i = 0; i < devices->count; i++) {
        struct span sum = {0};
        for (size_t j = 0; j < devices->count; j++)
            if (strcmp(devices->list[i].node, devices->list[j].node) == 0)
                sum.ns += config_device_deadline(&devices->list[j]).ns;
        longest = sum.ns > longest.ns ? sum : longest;
    }
    return longest;
}
