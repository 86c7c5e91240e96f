/* The configuration's options about HTTP. */
#include "node/config_http.h"

#include <stdlib.h>
#include <string.h>

#include "node/http_listener.h"

enum { CONFIG_NAME_MAX = 253 }; /* of a host (RFC 1035) */

static int config_check_http(cfg_t *cfg, cfg_opt_t *opt)
{
    struct http_address address;
    const char *text = cfg_opt_getnstr(opt, 0);
    if (text && http_address_parse(&address, text))
        return 0;
    cfg_error(cfg, "http: %s is not an address and a port, as in 127.0.0.1:9190 or [::1]:9190",
              text && *text ? text : "nothing");
    return -1;
}

static int config_check_http_names(cfg_t *cfg, cfg_opt_t *opt)
{
    if (cfg_opt_size(opt) > HTTP_NAMES_MAX - 1) {
        cfg_error(cfg, "http-names: there are at most %d", HTTP_NAMES_MAX - 1);
        return -1;
    }
    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        const char *name = cfg_opt_getnstr(opt, i);
        size_t size = strlen(name);
        if (size > 0 && size <= CONFIG_NAME_MAX &&
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == size)
            continue;
        cfg_error(cfg, "http-names: \"%s\" is not a host's name in lower case, without a port",
                  name);
        return -1;
    }
    return 0;
}

void config_http_add_checks(cfg_t *cfg)
{
    cfg_set_validate_func(cfg, "http", config_check_http);
    cfg_set_validate_func(cfg, "http-names", config_check_http_names);
}

bool config_http_take(struct config *out, cfg_t *cfg, struct fault *fault)
{
    struct http_address address;
    const char *text = cfg_getstr(cfg, "http");
    for (unsigned i = 0; i < cfg_size(cfg, "http-names"); i++) {
        out->http_names[i] = strdup(cfg_getnstr(cfg, "http-names", i));
        if (!out->http_names[i])
            return fault_set(fault, FAULT_OTHER, "out of memory");
        out->http_name_count++;
    }
    if (!text)
        return true;
    if (http_address_parse(&address, text) && !http_address_is_local(&address) &&
        !cfg_getbool(cfg, "http-public"))
        return fault_set(fault, FAULT_CONFIG,
                         "%s: http: %s can be reached from other machines, and whoever reaches it "
                         "sees every lock's name: if that is meant, add http-public = true; else "
                         "take an address of 127.0.0.0/8, or [::1]",
                         out->path, text);
    out->http = strdup(text);
    return out->http || fault_set(fault, FAULT_OTHER, "out of memory");
}

void config_http_free(struct config *config)
{
    free(config->http);
    for (size_t i = 0; i < config->http_name_count; i++)
        free(config->http_names[i]);
}
