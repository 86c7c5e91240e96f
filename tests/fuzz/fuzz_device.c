/*
 * What comes from outside by way of fence devices: a file of secrets, what agents say of
 * themselves, what ipmitool prints. A masked text is no longer, and has no whole secret left in it.
 */
#include <stdlib.h>
#include <string.h>

#include "node/device.h"
#include "node/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first half is a file of secrets, the second what was printed. */
static void look_secrets(const uint8_t *data, size_t size)
{
    static struct secrets secrets;
    size_t half = size / 2, printed = size - half;
    if (half > SECRETS_FILE_MAX)
        return;
    memset(&secrets, 0, sizeof secrets);
    if (half)
        memcpy(secrets.text, data, half);
    if (!secrets_parse(&secrets, half))
        return;
    char *text = malloc(printed + 1);
    if (!text)
        return;
    if (printed)
        memcpy(text, data + half, printed);
    size_t left = secrets_mask(&secrets, text, printed);
    if (left > printed)
        abort();
    for (size_t i = 0; i < secrets.count; i++) {
        const char *value = secrets.values[i];
        size_t bytes = strlen(value);
        bool stars = strspn(value, "*") > 0; /* such a one may be made of stars and neighbours */
        if (bytes >= SECRETS_MASK_LEAST && !stars && !strchr(value, '*') &&
            memmem(text, left, value, bytes))
            abort();
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    char guid[DEVICE_SIZE];
    device_guid(guid, text, size);
    if (guid[0] && !roster_device_valid(guid))
        abort();
    if (metadata_valid(text, size) && metadata_knows(text, size, "ip", 2) &&
        !memmem(text, size, "ip", 2))
        abort();
    look_secrets(data, size);
    return 0;
}
