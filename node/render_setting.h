/* What is said about the configuration: the API's type Setting. */
#ifndef NODE_RENDER_SETTING_H
#define NODE_RENDER_SETTING_H

#include <jansson.h>

#include "node/config_setting.h"

/* A new list; NULL if memory ran out. */
json_t *render_settings(const struct settings *settings);
const char *setting_origin_text(enum setting_origin origin);

#endif
