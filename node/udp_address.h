/* A UDP address as text: in the configuration, on the wire of the API, in the log. */
#ifndef NODE_UDP_ADDRESS_H
#define NODE_UDP_ADDRESS_H

#include "crypto/roster.h"

/* "10.0.0.1:7654" or "[fd00::1]:7654". */
enum { UDP_ADDRESS_SIZE = 64 };

/* Whether it is IPv4, mapped (RFC 4291 section 2.5.5.2). */
bool udp_address_is_mapped(const struct address *address);
/* The first 12 bytes of one that is. */
extern const uint8_t udp_address_mapped[12];

void udp_address_text(char out[UDP_ADDRESS_SIZE], const struct address *address);
/* Of that text. False for anything else, and for port 0. */
bool udp_address_parse(struct address *out, const char *text);

#endif
