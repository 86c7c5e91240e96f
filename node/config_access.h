/* The blocks `access` of the configuration: their options, checks and values. Between config.c and
 * config_access.c. */
#ifndef NODE_CONFIG_ACCESS_H
#define NODE_CONFIG_ACCESS_H

#include <confuse.h>

#include "node/access.h"

/* The options of a block; ends in CFG_END. */
extern cfg_opt_t config_access_options[];

void config_access_add_checks(cfg_t *cfg);
/* Takes what was checked while it was parsed. False if memory ran out. */
bool config_access_take(struct access *out, cfg_t *cfg);

#endif
