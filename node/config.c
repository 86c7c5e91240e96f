/*
 * The configuration file, by libconfuse. Every option is checked while it is parsed, so that a
 * message has the line of the option it is about; what is not in the table below is refused by its
 * name.
 */
#include "node/config.h"

#include <confuse.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key.h"
#include "node/config_access.h"
#include "node/config_advice.h"
#include "node/udp_address.h"
#include "node/config_http.h"
#include "node/watchdog_device.h"

enum { CONFIG_FILE_MAX = 256 * 1024 };

/* libconfuse's error callback has no context: where its messages go while one file is parsed. */
static _Thread_local struct fault *config_fault;

static void config_error(cfg_t *cfg, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void config_error(cfg_t *cfg, const char *format, va_list ap)
{
    char text[FAULT_TEXT_SIZE / 2];
    vsnprintf(text, sizeof text, format, ap);
    const char *file = cfg && cfg->filename ? cfg->filename : "configuration";
    char advice[FAULT_TEXT_SIZE / 4];
    config_advice(advice, sizeof advice, cfg, text);
    if (cfg && cfg->line)
        fault_set(config_fault, FAULT_CONFIG, "%s:%d: %s%s", file, cfg->line, text, advice);
    else
        fault_set(config_fault, FAULT_CONFIG, "%s: %s", file, text);
}

static int config_check_cluster(cfg_t *cfg, cfg_opt_t *opt)
{
    struct cluster_id id;
    if (hex_decode(id.bytes, sizeof id.bytes, cfg_opt_getnstr(opt, 0)))
        return 0;
    cfg_error(cfg, "cluster: not 64 hex digits; `holdfast roster show FILE` prints the cluster id");
    return -1;
}

static int config_check_path(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *path = cfg_opt_getnstr(opt, 0);
    if (path && *path)
        return 0;
    cfg_error(cfg, "%s: a path is needed", cfg_opt_name(opt));
    return -1;
}

static int config_check_socket(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *path = cfg_opt_getnstr(opt, 0);
    if (config_check_path(cfg, opt) != 0)
        return -1;
    if (strlen(path) <= CONFIG_SOCKET_MAX)
        return 0;
    cfg_error(cfg, "%s: %s is %zu bytes long; a socket's path has at most %d: choose a shorter one",
              cfg_opt_name(opt), path, strlen(path), CONFIG_SOCKET_MAX);
    return -1;
}

static int config_check_listen(cfg_t *cfg, cfg_opt_t *opt)
{
    struct address address;
    if (udp_address_parse(&address, cfg_opt_getnstr(opt, 0)))
        return 0;
    cfg_error(cfg, "listen: %s is not an address like 10.0.0.1:7654 or [fd00::1]:7654",
              cfg_opt_getnstr(opt, 0));
    return -1;
}

static int config_check_group(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *name = cfg_opt_getnstr(opt, 0);
    if (getgrnam(name))
        return 0;
    cfg_error(cfg, "socket-group: there is no group %s on this machine", name);
    return -1;
}

static int config_check_level(cfg_t *cfg, cfg_opt_t *opt)
{
    enum log_level level;
    if (log_level_parse(&level, cfg_opt_getnstr(opt, 0)))
        return 0;
    cfg_error(cfg, "log-level: %s is none of debug, info, warning, error", cfg_opt_getnstr(opt, 0));
    return -1;
}

static int config_check_isolation(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, 0);
    if (strcmp(value, "stop") == 0 || strcmp(value, "continue") == 0)
        return 0;
    cfg_error(cfg, "on_isolation: %s is neither stop nor continue", value);
    return -1;
}

static int config_check_watchdog(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, 0);
    const char *path = watchdog_is_stand_in(value) ? value + strlen(WATCHDOG_STAND_IN) : value;
    if (path[0] == '/' || !*value)
        return 0;
    cfg_error(cfg, "watchdog: %s is neither a device's absolute path nor %sPATH", value,
              WATCHDOG_STAND_IN);
    return -1;
}

static int config_check_exec(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *path = cfg_opt_getnstr(opt, 0);
    if (path && path[0] == '/')
        return 0;
    cfg_error(cfg, "exec: %s is not an absolute path", path && *path ? path : "nothing");
    return -1;
}

/* The section as a whole, once it is closed. */
static int config_check_action(cfg_t *cfg, cfg_opt_t *opt)
{
    unsigned count = cfg_opt_size(opt);
    const char *name = cfg_title(cfg_opt_getnsec(opt, count - 1));
    if (count > ROSTER_ACTIONS_MAX)
        cfg_error(cfg, "action %s: a roster has at most %d actions", name, ROSTER_ACTIONS_MAX);
    else if (!*name || strlen(name) >= ROSTER_ACTION_SIZE)
        cfg_error(cfg, "action \"%s\": a name has 1 to %d bytes", name, ROSTER_ACTION_SIZE - 1);
    else if (!cfg_getstr(cfg_opt_getnsec(opt, count - 1), "exec") ==
             !cfg_getbool(cfg_opt_getnsec(opt, count - 1), "devices"))
        cfg_error(cfg,
                  "action %s: %s: the script's absolute path, or devices = true for the sections "
                  "`device`",
                  name,
                  cfg_getbool(cfg_opt_getnsec(opt, count - 1), "devices")
                      ? "exec and devices exclude each other"
                      : "exec is missing");
    else
        return 0;
    return -1;
}

/* The range of each number. */
static const struct config_range {
    const char *name;
    int64_t least;
    int64_t most;
} config_ranges[] = {
    {"grace", 0, CONFIG_GRACE_MAX},
    {"max-locks", 16, CONFIG_LOCKS_MAX},
    {"max-operations", 16, CONFIG_OPERATIONS_MAX},
    {"register-bytes", 65536, CONFIG_REGISTER_BYTES_MAX},
    {"deadline", 1, CONFIG_DEADLINE_MAX},
};

static int config_check_number(cfg_t *cfg, cfg_opt_t *opt)
{
    long value = cfg_opt_getnint(opt, 0);
    for (size_t i = 0; i < sizeof config_ranges / sizeof *config_ranges; i++) {
        const struct config_range *r = &config_ranges[i];
        if (strcmp(r->name, cfg_opt_name(opt)) != 0 || (value >= r->least && value <= r->most))
            continue;
        cfg_error(cfg, "%s: %ld is not between %lld and %lld", r->name, value, (long long)r->least,
                  (long long)r->most);
        return -1;
    }
    return 0;
}

static void config_add_checks(cfg_t *cfg)
{
    static const char *const paths[] = {"roster",  "key",        "state",
                                        "boot-id", "machine-id", "executor-state"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        cfg_set_validate_func(cfg, paths[i], config_check_path);
    for (size_t i = 0; i < sizeof config_ranges / sizeof *config_ranges; i++)
        if (strcmp(config_ranges[i].name, "deadline") != 0)
            cfg_set_validate_func(cfg, config_ranges[i].name, config_check_number);
    cfg_set_validate_func(cfg, "action|deadline", config_check_number);
    cfg_set_validate_func(cfg, "action|exec", config_check_exec);
    cfg_set_validate_func(cfg, "action", config_check_action);
    cfg_set_validate_func(cfg, "on_isolation", config_check_isolation);
    cfg_set_validate_func(cfg, "watchdog", config_check_watchdog);
    cfg_set_validate_func(cfg, "cluster", config_check_cluster);
    cfg_set_validate_func(cfg, "socket", config_check_socket);
    cfg_set_validate_func(cfg, "executor-socket", config_check_socket);
    cfg_set_validate_func(cfg, "socket-group", config_check_group);
    cfg_set_validate_func(cfg, "listen", config_check_listen);
    cfg_set_validate_func(cfg, "log-level", config_check_level);
    config_access_add_checks(cfg);
    config_device_add_checks(cfg);
    config_http_add_checks(cfg);
}

/* False if memory ran out. */
static bool config_copy(char **out, cfg_t *cfg, const char *name)
{
    *out = strdup(cfg_getstr(cfg, name));
    return *out != NULL;
}

/* False if memory ran out. */
static bool config_take_actions(struct config *out, cfg_t *cfg)
{
    for (unsigned i = 0; i < cfg_size(cfg, "action"); i++) {
        cfg_t *section = cfg_getnsec(cfg, "action", i);
        struct config_action *action = &out->actions[out->action_count++];
        memcpy(action->name, cfg_title(section), strlen(cfg_title(section)) + 1);
        action->deadline = span_times(SPAN_MS(1000), cfg_getint(section, "deadline"));
        if (cfg_getstr(section, "exec") && !config_copy(&action->exec, section, "exec"))
            return false;
    }
    return true;
}

/* Every value was checked while it was parsed; the defaults are good. */
static bool config_take(struct config *out, cfg_t *cfg, const char *path, struct fault *fault)
{
    const char *cluster = cfg_getstr(cfg, "cluster");
    if (!cluster)
        return fault_set(
            fault, FAULT_CONFIG,
            "%s: cluster is missing; `holdfast roster show FILE` prints the cluster id", path);
    hex_decode(out->cluster.bytes, sizeof out->cluster.bytes, cluster);
    out->path = strdup(path);
    if (!out->path || !config_copy(&out->roster, cfg, "roster") ||
        !config_copy(&out->key, cfg, "key") || !config_copy(&out->state, cfg, "state") ||
        !config_copy(&out->socket, cfg, "socket") || !config_copy(&out->boot_id, cfg, "boot-id") ||
        !config_copy(&out->machine_id, cfg, "machine-id") ||
        !config_copy(&out->executor_socket, cfg, "executor-socket") ||
        !config_copy(&out->executor_state, cfg, "executor-state") ||
        !config_copy(&out->watchdog, cfg, "watchdog") ||
        !config_copy(&out->watchdog_identity, cfg, "watchdog_identity") ||
        !config_take_actions(out, cfg) || !config_device_take(&out->devices, cfg))
        return fault_set(fault, FAULT_OTHER, "out of memory");
    if (config_run_longest(out).ns > SPAN_MS(CONFIG_RUN_MAX_MS).ns)
        return fault_set(fault, FAULT_CONFIG,
                         "%s: the devices of one node may take %lld s in all (each login-timeout + "
                         "2 x power-timeout + 5); at most %d: shorten their times",
                         path, (long long)(config_run_longest(out).ns / 1000000000),
                         CONFIG_RUN_MAX_MS / 1000);
    if (!config_access_take(&out->access, cfg))
        return fault_set(fault, FAULT_OTHER, "access: out of memory, or an account has vanished");
    if (cfg_getstr(cfg, "listen"))
        (void)udp_address_parse(&out->listen, cfg_getstr(cfg, "listen"));
    if (!config_http_take(out, cfg, fault))
        return false;
    out->socket_group = (gid_t)-1;
    if (cfg_getstr(cfg, "socket-group")) {
        const struct group *group = getgrnam(cfg_getstr(cfg, "socket-group"));
        if (!group)
            return fault_set(fault, FAULT_CONFIG, "%s: socket-group has vanished", path);
        out->socket_group = group->gr_gid;
    }
    const char *user = cfg_getstr(cfg, "agent-user");
    out->agent_user = user ? strdup(user) : NULL;
    if (user && !out->agent_user)
        return fault_set(fault, FAULT_OTHER, "out of memory");
    out->grace = span_times(SPAN_MS(1000), cfg_getint(cfg, "grace"));
    log_level_parse(&out->log_level, cfg_getstr(cfg, "log-level"));
    out->max_locks = (uint32_t)cfg_getint(cfg, "max-locks");
    out->max_operations = (uint32_t)cfg_getint(cfg, "max-operations");
    out->stop_on_isolation = strcmp(cfg_getstr(cfg, "on_isolation"), "stop") == 0;
    out->register_bytes = (size_t)cfg_getint(cfg, "register-bytes");
    out->watchdog_test = cfg_getbool(cfg, "watchdog_test");
    /* F7: what the device ends must not go on without standing. */
    if (*out->watchdog && !out->stop_on_isolation)
        return fault_set(fault, FAULT_CONFIG,
                         "%s: on_isolation = continue is for nodes without a watchdog", path);
    return true;
}

/* libconfuse's scanner ends the process when it cannot read (a directory): so look first. */
static bool config_readable(const char *path, struct fault *fault)
{
    struct stat st;
    if (stat(path, &st) != 0 || access(path, R_OK) != 0)
        return fault_set(fault, FAULT_CONFIG, "%s: %s; %sname the configuration with --config",
                         path, strerror(errno),
                         errno == ENOENT ? "write it (holdfast.conf(5)), or " : "");
    if (!S_ISREG(st.st_mode))
        return fault_set(fault, FAULT_CONFIG,
                         "%s: not a file; name the configuration with --config", path);
    return true;
}

/* Bytes of the comment that begins at `at`, its end of line not counted; 0 if none does. */
static size_t config_comment(const char *text, size_t size, size_t at)
{
    const char *from = text + at, *end;
    bool apart = at == 0 || strchr(" \t\r\n=+,(){}", from[-1]); /* else "//" is of a path */
    size_t left = size - at;
    if (*from == '#' || (apart && left > 1 && memcmp(from, "//", 2) == 0)) {
        end = memchr(from, '\n', left);
        return end ? (size_t)(end - from) : left;
    }
    if (!apart || left < 4 || memcmp(from, "/*", 2) != 0)
        return 0;
    end = memmem(from + 2, left - 2, "*/", 2);
    return end ? (size_t)(end + 2 - from) : 0; /* without its end it is the parser's to refuse */
}

/*
 * Takes the comments out and leaves their ends of line: libconfuse 3.3 counts the line of a comment
 * more than once, and a message must name the right one. Within quotes there is none.
 */
static void config_blank_comments(char *text, size_t size)
{
    char quote = '\0';
    size_t i = 0;
    while (i < size) {
        size_t comment = quote == '\0' ? config_comment(text, size, i) : 0;
        for (size_t end = i + comment; i < end; i++)
            if (text[i] != '\n')
                text[i] = ' ';
        if (comment > 0)
            continue;
        if (quote != '\0' && text[i] == '\\')
            i++; /* whatever follows does not end the string */
        else if (quote == '\0' && (text[i] == '"' || text[i] == '\''))
            quote = text[i];
        else if (text[i] == quote)
            quote = '\0';
        i++;
    }
}

static int config_parse(cfg_t *cfg, const char *path)
{
    int result = CFG_FILE_ERROR;
    char *text = malloc(CONFIG_FILE_MAX);
    FILE *file = fopen(path, "re");
    size_t size = text && file ? fread(text, 1, CONFIG_FILE_MAX, file) : 0;
    if (size > 0 && size < CONFIG_FILE_MAX && !ferror(file)) {
        config_blank_comments(text, size);
        FILE *memory = fmemopen(text, size, "r");
        cfg->filename = strdup(path); /* the parser's own from now on, for its messages */
        if (memory && cfg->filename)
            result = cfg_parse_fp(cfg, memory);
        if (memory)
            fclose(memory);
    } else if (file && feof(file) && size == 0) {
        result = CFG_SUCCESS; /* empty: what is missing is said by name */
    }
    if (file)
        fclose(file);
    free(text);
    return result;
}

bool config_load(struct config *out, const char *path, struct fault *fault)
{
    cfg_opt_t action[] = {
        CFG_STR("exec", NULL, CFGF_NODEFAULT),
        CFG_INT("deadline", CONFIG_DEADLINE_DEFAULT, CFGF_NONE),
        CFG_BOOL("devices", cfg_false, CFGF_NONE),
        CFG_END(),
    };
    cfg_opt_t options[] = {
        CFG_STR("cluster", NULL, CFGF_NODEFAULT),
        CFG_STR("roster", "/etc/holdfast/roster", CFGF_NONE),
        CFG_STR("key", "/etc/holdfast/key", CFGF_NONE),
        CFG_STR("state", "/var/lib/holdfast", CFGF_NONE),
        CFG_STR("socket", "/run/holdfast/holdfast.sock", CFGF_NONE),
        CFG_STR("socket-group", NULL, CFGF_NODEFAULT),
        CFG_INT("grace", 10, CFGF_NONE),
        CFG_STR("log-level", "info", CFGF_NONE),
        CFG_INT("max-locks", 65536, CFGF_NONE),
        CFG_INT("max-operations", 4096, CFGF_NONE),
        CFG_INT("register-bytes", 64L * 1024 * 1024, CFGF_NONE),
        CFG_STR("boot-id", CONFIG_BOOT_ID_DEFAULT, CFGF_NONE),
        CFG_STR("machine-id", CONFIG_MACHINE_ID_DEFAULT, CFGF_NONE),
        CFG_STR("on_isolation", "stop", CFGF_NONE),
        CFG_STR("listen", NULL, CFGF_NODEFAULT),
        CFG_STR("watchdog", "", CFGF_NONE),
        CFG_STR("watchdog_identity", "", CFGF_NONE),
        CFG_BOOL("watchdog_test", cfg_false, CFGF_NONE),
        CFG_SEC("action", action, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
        CFG_STR("executor-socket", "/run/holdfast-executor/executor.sock", CFGF_NONE),
        CFG_STR("executor-state", "/var/lib/holdfast-executor", CFGF_NONE),
        CFG_STR("agent-user", NULL, CFGF_NODEFAULT),
        CFG_SEC("device", config_device_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
        CFG_SEC("access", config_access_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
        CONFIG_HTTP_OPTIONS,
        CFG_END(),
    };
    *out = (struct config){0};
    if (!config_readable(path, fault))
        return false;
    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    if (!cfg)
        return fault_set(fault, FAULT_OTHER, "out of memory");
    config_fault = fault;
    cfg_set_error_function(cfg, config_error);
    config_add_checks(cfg);
    settings_watch(cfg);
    int result = config_parse(cfg, path);
    if (result != CFG_SUCCESS) /* the callback has said more, if it was called */
        fault_set(fault, FAULT_CONFIG, "%s: it cannot be read, or has over 256 KiB", path);
    bool good =
        result == CFG_SUCCESS && fault->status == FAULT_NONE && config_take(out, cfg, path, fault);
    if (!settings_take(good ? &out->settings : NULL, cfg) && good)
        good = fault_set(fault, FAULT_OTHER, "out of memory");
    cfg_free(cfg);
    config_fault = NULL;
    if (!good)
        config_free(out);
    return good;
}

void config_free(struct config *config)
{
    free(config->path);
    free(config->roster);
    free(config->key);
    free(config->state);
    free(config->socket);
    free(config->boot_id);
    free(config->machine_id);
    free(config->executor_socket);
    free(config->executor_state);
    free(config->agent_user);
    config_device_free(&config->devices);
    free(config->watchdog);
    free(config->watchdog_identity);
    for (size_t i = 0; i < config->action_count; i++)
        free(config->actions[i].exec);
    access_free(&config->access);
    config_http_free(config);
    settings_free(&config->settings);
    *config = (struct config){0};
}

const struct config_action *config_action_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->action_count; i++)
        if (strcmp(config->actions[i].name, name) == 0)
            return &config->actions[i];
    return NULL;
}

struct span config_run_longest(const struct config *config)
{
    struct span longest = {0};
    for (size_t i = 0; i < config->action_count; i++) {
        const struct config_action *action = &config->actions[i];
        struct span span =
            action->exec ? action->deadline : config_devices_longest(&config->devices);
        longest = span.ns > longest.ns ? span : longest;
    }
    return (struct span){longest.ns + CONFIG_RUN_LATE.ns};
}
