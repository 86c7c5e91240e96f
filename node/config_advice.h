/* What to do about a mistake that libconfuse finds by itself. Between config.c and config_advice.c.
 */
#ifndef NODE_CONFIG_ADVICE_H
#define NODE_CONFIG_ADVICE_H

#include <confuse.h>
#include <stddef.h>

/* To be put behind its message `text`, which is about the section `cfg` or NULL; "" for none. */
void config_advice(char *advice, size_t size, const cfg_t *cfg, const char *text);

#endif
