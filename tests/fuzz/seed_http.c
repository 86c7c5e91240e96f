/* Writes seeds for fuzz_http to DIR/http/: one request of each shape. */
#include <string.h>

#include "tests/fuzz/seed_files.h"

static const struct {
    const char *name;
    const char *text;
} seeds[] = {
    {"page", "GET / HTTP/1.1\r\nHost: 127.0.0.1:9190\r\n\r\n"},
    {"scrape", "GET /metrics HTTP/1.1\r\nHost: hv1.example.net\r\nAccept: text/plain\r\n"
               "Connection: keep-alive, close\r\n\r\n"},
    {"stream", "GET /events HTTP/1.1\r\nHost: [::1]:9190\r\nLast-Event-ID: 0123:45\r\n"
               "Sec-Fetch-Site: same-origin\r\n\r\n"},
    {"lock", "HEAD /api/lock?x=1&name=image%2Fa+b HTTP/1.0\r\n\r\n"},
    {"body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"},
    {"two", "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"bare", "GET / HTTP/1.1\nHost: a\n\n"},
};

int main(int argc, char **argv)
{
    seed_begin(argc, argv, "http");
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        seed_file(seeds[i].name, seeds[i].text, strlen(seeds[i].text));
    return EXIT_SUCCESS;
}
