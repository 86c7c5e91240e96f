/* The configuration's options about HTTP: their checks and values. Between config.c and
 * config_http.c. */
#ifndef NODE_CONFIG_HTTP_H
#define NODE_CONFIG_HTTP_H

#include <confuse.h>

#include "node/config.h"

#define CONFIG_HTTP_OPTIONS                                                                        \
    CFG_STR("http", NULL, CFGF_NODEFAULT), CFG_BOOL("http-public", cfg_false, CFGF_NONE),          \
        CFG_STR_LIST("http-names", NULL, CFGF_NODEFAULT)

void config_http_add_checks(cfg_t *cfg);
/* Takes what was checked while it was parsed. False with *fault. */
bool config_http_take(struct config *out, cfg_t *cfg, struct fault *fault);
void config_http_free(struct config *config);

#endif
