/*
 * What may stand in a text that people, logs, terminals and environments get to see: UTF-8 without
 * control characters.
 */
#ifndef CRYPTO_TEXT_H
#define CRYPTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the bytes are UTF-8 (RFC 3629) without C0 and C1 controls and DEL; nothing is. */
bool text_valid(const uint8_t *bytes, size_t size);

#endif
