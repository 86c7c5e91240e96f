/*
 * Cards: what a node tells the operator about itself before there is a roster (R1). A JSON object
 * with the members
 *
 *     name     1..63 of [a-z0-9.-]
 *     key      the public key, 64 hex digits
 *     store    the store's id, 32 hex digits
 *     machine  the machine's id, 32 hex digits
 *     address  ADDRESS:PORT for UDP; an IPv6 address in brackets
 *     device   what its fence device says it is, 1..63 printable ASCII without spaces (F6b);
 *              absent if it has none
 *
 * and no others.
 *
 * A card is public. Pure: text in, values out.
 */
#ifndef CLIENT_CARD_H
#define CLIENT_CARD_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "crypto/roster.h"

enum { CARD_BYTES_MAX = 4096, ADDRESS_TEXT_MAX = 64 };

/* "10.0.0.1:7654" or "[fd00::1]:7654"; false for anything else, port 0 and the wildcard address. */
bool address_parse(struct address *out, const char *text);
void address_print(char out[ADDRESS_TEXT_MAX], const struct address *address);

/* 32 hex digits, dashes (UUID form) and one newline at the end allowed: machine and boot ids. */
bool machine_id_parse(struct machine_id *out, const char *text);

bool card_name_valid(const char *name);
/* Copies the identity of a fence device; false if the text is empty, too long, or not printable
 * ASCII without spaces. */
bool card_device_parse(char out[DEVICE_SIZE], const char *text);
/* The card as an object; the caller's. NULL without memory. */
json_t *card_json(const struct roster_node *node);
/* The same as text with a newline; the caller frees it. NULL without memory. */
char *card_encode(const struct roster_node *node);
/*
 * Fills name, key, store, machine, address and device and zeroes the rest. On false `problem` says,
 * without a final stop, which member is wrong.
 */
bool card_decode(struct roster_node *out, const char *text, size_t size, const char **problem);

#endif
