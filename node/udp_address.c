#include "node/udp_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t udp_address_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool udp_address_is_mapped(const struct address *address)
{
    return memcmp(address->ip, udp_address_mapped, sizeof udp_address_mapped) == 0;
}

void udp_address_text(char out[UDP_ADDRESS_SIZE], const struct address *address)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (udp_address_is_mapped(address)) {
        inet_ntop(AF_INET, address->ip + 12, ip, sizeof ip);
        snprintf(out, UDP_ADDRESS_SIZE, "%s:%u", ip, address->port);
    } else {
        inet_ntop(AF_INET6, address->ip, ip, sizeof ip);
        snprintf(out, UDP_ADDRESS_SIZE, "[%s]:%u", ip, address->port);
    }
}

bool udp_address_parse(struct address *out, const char *text)
{
    char host[UDP_ADDRESS_SIZE];
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;
    bool v6 = size > 2 && text[0] == '[' && text[size - 1] == ']';
    if (size == 0 || size >= sizeof host || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    long port = strtol(colon + 1, NULL, 10);
    snprintf(host, sizeof host, "%.*s", (int)(v6 ? size - 2 : size), text + v6);
    struct address a = {.port = (uint16_t)port};
    if (!v6)
        memcpy(a.ip, udp_address_mapped, sizeof udp_address_mapped);
    if (port < 1 || port > UINT16_MAX ||
        inet_pton(v6 ? AF_INET6 : AF_INET, host, v6 ? a.ip : a.ip + 12) != 1)
        return false;
    *out = a;
    return true;
}
