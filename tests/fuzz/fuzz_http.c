/*
 * An HTTP request out of arbitrary bytes. Whatever comes, nothing is read beyond the bytes, what is
 * whole has a path and lies within the bytes, what is refused has a status and ends the connection,
 * and a longer reading of the same bytes never turns a whole request into another one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/http_request.h"
#include "proto/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct http_request *r)
{
    char value[256];
    size_t length = 0;
    must(r->path[0] == '/' && !strchr(r->path, '?'));
    must(!r->keep_alive || *r->host);
    (void)http_host_is_address(r->host);
    if (http_query(r->query, "name", value, sizeof value, &length))
        must(length < sizeof value && strlen(value) == length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request request, again;
    char *bytes = malloc(size + 1); /* so that the sanitizer sees a read behind the end */
    must(bytes);
    if (size)
        memcpy(bytes, data, size);
    enum http_verdict verdict = http_request_parse(&request, bytes, size);
    if (verdict == HTTP_WHOLE) {
        must(request.size >= 4 && request.size <= size && request.size <= HTTP_HEAD_MAX);
        use(&request);
        must(http_request_parse(&again, bytes, request.size) == HTTP_WHOLE);
        must(memcmp(&request, &again, sizeof request) == 0);
        must(http_request_parse(&again, bytes, request.size - 1) == HTTP_PARTIAL);
    } else if (verdict == HTTP_REFUSED) {
        must(request.status >= 400 && request.status <= 505 && !request.keep_alive);
    } else {
        must(size < HTTP_HEAD_MAX);
    }
    free(bytes);
    return 0;
}
