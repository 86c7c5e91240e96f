/* Cards and addresses: see card.h. */
#include "client/card.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* 1..65535, decimal, without a leading zero: one text for one port. */
static bool port_parse(uint16_t *out, const char *text)
{
    unsigned value = 0;
    size_t size = strspn(text, "0123456789");
    if (size == 0 || size > 5 || text[size] != '\0' || text[0] == '0')
        return false;
    for (size_t i = 0; i < size; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    *out = (uint16_t)value;
    return value <= UINT16_MAX;
}

static bool host_parse(uint8_t ip[16], const char *host)
{
    if (strchr(host, ':'))
        return inet_pton(AF_INET6, host, ip) == 1;
    memcpy(ip, mapped_prefix, sizeof mapped_prefix);
    return inet_pton(AF_INET, host, ip + sizeof mapped_prefix) == 1;
}

bool address_parse(struct address *out, const char *text)
{
    static const uint8_t any[16];
    char host[ADDRESS_TEXT_MAX];
    struct address a = {0};
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;
    if (size == 0 || size >= sizeof host || !port_parse(&a.port, colon + 1))
        return false;
    bool bracket = text[0] == '[' && text[size - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(bracket ? size - 2 : size), text + bracket);
    /* A colon in the host without brackets leaves open where the port begins. */
    if (bracket != (strchr(host, ':') != NULL) || !host_parse(a.ip, host))
        return false;
    bool v4 = memcmp(a.ip, mapped_prefix, sizeof mapped_prefix) == 0;
    if (memcmp(a.ip, any, 16) == 0 || (v4 && memcmp(a.ip + 12, any, 4) == 0))
        return false;
    *out = a;
    return true;
}

void address_print(char out[ADDRESS_TEXT_MAX], const struct address *address)
{
    char host[INET6_ADDRSTRLEN];
    bool v4 = memcmp(address->ip, mapped_prefix, sizeof mapped_prefix) == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address->ip + 12 : address->ip, host, sizeof host);
    snprintf(out, ADDRESS_TEXT_MAX, v4 ? "%s:%u" : "[%s]:%u", host, (unsigned)address->port);
}

bool machine_id_parse(struct machine_id *out, const char *text)
{
    char digits[2 * MACHINE_ID_SIZE + 1];
    size_t count = 0;
    for (; *text && !(text[0] == '\n' && text[1] == '\0'); text++) {
        if (*text == '-')
            continue;
        if (count == sizeof digits - 1)
            return false;
        digits[count++] = *text;
    }
    digits[count] = '\0';
    return hex_decode(out->bytes, MACHINE_ID_SIZE, digits);
}

bool card_name_valid(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < ROSTER_NAME_SIZE &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == size;
}

bool card_device_parse(char out[DEVICE_SIZE], const char *text)
{
    char device[DEVICE_SIZE] = "";
    size_t size = strlen(text);
    if (size == 0 || size >= DEVICE_SIZE)
        return false;
    memcpy(device, text, size + 1);
    if (!roster_device_valid(device))
        return false;
    memcpy(out, device, sizeof device);
    return true;
}

json_t *card_json(const struct roster_node *node)
{
    char key[2 * KEY_PUBLIC_SIZE + 1], store[2 * STORE_ID_SIZE + 1],
        machine[2 * MACHINE_ID_SIZE + 1];
    char address[ADDRESS_TEXT_MAX];
    hex_encode(key, node->key.bytes, KEY_PUBLIC_SIZE);
    hex_encode(store, node->store.bytes, STORE_ID_SIZE);
    hex_encode(machine, node->machine.bytes, MACHINE_ID_SIZE);
    address_print(address, &node->address);
    /* Names need no escapes in JSON, but a device's identity may. */
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "name", node->name, "key", key, "store",
                     store, "machine", machine, "address", address, "device",
                     node->device[0] ? node->device : NULL);
}

char *card_encode(const struct roster_node *node)
{
    json_t *root = card_json(node);
    char *object = json_dumps(root, JSON_INDENT(2)), *text = NULL;
    int n = object ? asprintf(&text, "%s\n", object) : -1;
    free(object);
    json_decref(root);
    return n < 0 ? NULL : text;
}

static bool decode_members(struct roster_node *node, json_t *root, const char **problem)
{
    const char *name, *key, *store, *machine, *address, *device = NULL;
    *problem = "it must have exactly the texts name, key, store, machine and address, and may have "
               "device";
    if (json_unpack(root, "{s:s, s:s, s:s, s:s, s:s, s?s !}", "name", &name, "key", &key, "store",
                    &store, "machine", &machine, "address", &address, "device", &device) != 0)
        return false;
    *problem = "its name is not 1 to 63 of a-z, 0-9, '.' and '-'";
    if (!card_name_valid(name))
        return false;
    memcpy(node->name, name, strlen(name));
    *problem = "its key is not a public key of 64 hex digits";
    if (!hex_decode(node->key.bytes, KEY_PUBLIC_SIZE, key) || !public_key_valid(&node->key))
        return false;
    *problem = "its store is not an id of 32 hex digits";
    if (!hex_decode(node->store.bytes, STORE_ID_SIZE, store))
        return false;
    *problem = "its machine is not an id of 32 hex digits";
    if (!hex_decode(node->machine.bytes, MACHINE_ID_SIZE, machine))
        return false;
    *problem = "its device is not 1 to 63 printable characters without spaces";
    if (device && !card_device_parse(node->device, device))
        return false;
    *problem = "its address is not ADDRESS:PORT";
    return address_parse(&node->address, address);
}

bool card_decode(struct roster_node *out, const char *text, size_t size, const char **problem)
{
    struct roster_node node = {0};
    *problem = "it is not a JSON object";
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(root) && decode_members(&node, root, problem);
    json_decref(root);
    if (good)
        *out = node;
    return good;
}
