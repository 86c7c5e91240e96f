/* Where HTTP is served. */
#include "node/http_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 1 to 65535 in figures alone; 0 if it is not. */
static uint16_t http_port(const char *text)
{
    size_t size = strlen(text);
    unsigned long port =
        strspn(text, "0123456789") == size && size <= 5 ? strtoul(text, NULL, 10) : 0;
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

bool http_address_parse(struct http_address *out, const char *text)
{
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    struct sockaddr_in four = {.sin_family = AF_INET};
    *out = (struct http_address){0};
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return false;
    size_t size = (size_t)(colon - text);
    uint16_t port = http_port(colon + 1);
    memcpy(host, text, size);
    host[size] = '\0';
    if (inet_pton(AF_INET, host, &four.sin_addr) == 1) {
        four.sin_port = htons(port);
        memcpy(&out->storage, &four, sizeof four);
        out->size = sizeof four;
    } else if (size > 2 && host[0] == '[' && host[size - 1] == ']') {
        host[size - 1] = '\0';
        out->storage.sin6_family = AF_INET6;
        out->storage.sin6_port = htons(port);
        out->size = sizeof out->storage;
        if (inet_pton(AF_INET6, host + 1, &out->storage.sin6_addr) != 1)
            return false;
    }
    return port != 0 && out->size != 0;
}

bool http_address_is_local(const struct http_address *address)
{
    struct sockaddr_in four;
    if (address->storage.sin6_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->storage.sin6_addr);
    memcpy(&four, &address->storage, sizeof four);
    return ntohl(four.sin_addr.s_addr) >> 24 == 127;
}

int http_listener_open(const char *text, struct fault *fault)
{
    struct http_address address;
    int on = 1;
    if (!http_address_parse(&address, text)) {
        fault_set(fault, FAULT_CONFIG, "http: %s is not an address and a port", text);
        return -1;
    }
    int fd = socket(address.storage.sin6_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&address.storage, address.size) == 0 &&
        listen(fd, HTTP_BACKLOG) == 0)
        return fd;
    fault_set(fault, FAULT_CONFIG, "http: %s: %s%s", text, strerror(errno),
              errno == EADDRINUSE ? "; another process serves there: choose another port" : "");
    if (fd >= 0)
        close(fd);
    return -1;
}
