/* One HTTP request: see http_request.h. */
#include "node/http_request.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* A piece of the request. */
struct piece {
    const char *at;
    size_t size;
};

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct piece p)
{
    for (size_t i = 0; i < p.size; i++)
        if (!is_token_char(p.at[i]))
            return false;
    return p.size > 0;
}

static bool is(struct piece p, const char *text)
{
    return p.size == strlen(text) && memcmp(p.at, text, p.size) == 0;
}

static bool is_named(struct piece p, const char *name)
{
    return p.size == strlen(name) && strncasecmp(p.at, name, p.size) == 0;
}

/* Takes what is before `end` off the front, and `end` too. False: there is none. */
static bool cut(struct piece *rest, char end, struct piece *out)
{
    const char *found = memchr(rest->at, end, rest->size);
    if (!found)
        return false;
    *out = (struct piece){rest->at, (size_t)(found - rest->at)};
    rest->size -= out->size + 1;
    rest->at = found + 1;
    return true;
}

static struct piece trimmed(struct piece p)
{
    while (p.size > 0 && (*p.at == ' ' || *p.at == '\t')) {
        p.at++;
        p.size--;
    }
    while (p.size > 0 && (p.at[p.size - 1] == ' ' || p.at[p.size - 1] == '\t'))
        p.size--;
    return p;
}

static bool is_plain(struct piece p)
{
    for (size_t i = 0; i < p.size; i++)
        if (((unsigned char)p.at[i] < 0x20 && p.at[i] != '\t') || p.at[i] == 0x7f)
            return false;
    return true;
}

/* False if it does not fit. */
static bool copy(char *out, size_t room, struct piece p)
{
    if (p.size >= room)
        return false;
    if (p.size)
        memcpy(out, p.at, p.size);
    out[p.size] = '\0';
    return true;
}

/* 0, or the status that the request is refused with. */
static int take_target(struct http_request *out, struct piece target)
{
    struct piece path = target, query = {"", 0};
    if (target.size > HTTP_TARGET_MAX)
        return 414;
    if (target.size == 0 || *target.at != '/')
        return 400;
    for (size_t i = 0; i < target.size; i++)
        if (target.at[i] <= 0x20 || target.at[i] >= 0x7f)
            return 400;
    const char *mark = memchr(target.at, '?', target.size);
    if (mark) {
        path.size = (size_t)(mark - target.at);
        query = (struct piece){mark + 1, target.size - path.size - 1};
    }
    return copy(out->path, sizeof out->path, path) && copy(out->query, sizeof out->query, query)
               ? 0
               : 414;
}

static int take_line(struct http_request *out, struct piece line)
{
    struct piece method, target;
    if (!cut(&line, ' ', &method) || !is_token(method) || !cut(&line, ' ', &target))
        return 400;
    out->head = is(method, "HEAD");
    out->keep_alive = is(line, "HTTP/1.1");
    if (!out->keep_alive && !is(line, "HTTP/1.0"))
        return line.size > 5 && memcmp(line.at, "HTTP/", 5) == 0 ? 505 : 400;
    if (!out->head && !is(method, "GET"))
        return 405;
    return take_target(out, target);
}

/* "hv1:9190" -> "hv1", "[::1]:9190" -> "[::1]". */
static int take_host(struct http_request *out, struct piece value)
{
    const char *bracket = value.size && *value.at == '[' ? memchr(value.at, ']', value.size) : NULL;
    const char *colon = bracket ? bracket + 1 : memchr(value.at, ':', value.size);
    if (*out->host || value.size == 0 || *value.at == ':')
        return 400; /* twice, or none */
    if (colon && colon < value.at + value.size) {
        struct piece port = {colon + 1, value.size - (size_t)(colon - value.at)};
        port.size -= 1;
        for (size_t i = 0; i < port.size; i++)
            if (port.at[i] < '0' || port.at[i] > '9')
                return 400;
        if (*colon != ':')
            return 400;
        value.size = (size_t)(colon - value.at);
    }
    if (!copy(out->host, sizeof out->host, value))
        return 400;
    for (char *c = out->host; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return 0;
}

/* A list of words, as in Connection. */
static bool has_word(struct piece list, const char *word)
{
    struct piece one;
    while (cut(&list, ',', &one))
        if (is_named(trimmed(one), word))
            return true;
    return is_named(trimmed(list), word);
}

static int take_field(struct http_request *out, struct piece line)
{
    struct piece name, value = line;
    if (!cut(&value, ':', &name) || !is_token(name) || !is_plain(value))
        return 400;
    value = trimmed(value);
    if (is_named(name, "Host"))
        return take_host(out, value);
    if (is_named(name, "Transfer-Encoding") ||
        (is_named(name, "Content-Length") && !is(value, "0")))
        return 413; /* a body, whatever it is */
    if (is_named(name, "Connection") && has_word(value, "close"))
        out->keep_alive = false;
    if (is_named(name, "Sec-Fetch-Site"))
        out->cross_site = is(value, "cross-site");
    if (is_named(name, "Last-Event-ID") && !copy(out->last_id, sizeof out->last_id, value))
        return 400;
    return 0;
}

static int take_fields(struct http_request *out, struct piece head)
{
    struct piece line;
    size_t count = 0;
    while (cut(&head, '\n', &line)) {
        line.size--; /* the CR: http_request_parse looked */
        if (++count > HTTP_FIELDS_MAX)
            return 431;
        int status = take_field(out, line);
        if (status != 0)
            return status;
    }
    return out->keep_alive && !*out->host ? 400 : 0;
}

/* Each line ends with CRLF, and has no other CR or NUL. */
static bool lines_are_whole(struct piece head)
{
    for (size_t i = 0; i < head.size; i++) {
        bool before_feed = i + 1 < head.size && head.at[i + 1] == '\n';
        if (head.at[i] == '\0' || (head.at[i] == '\r') != before_feed)
            return false;
    }
    return head.size > 0 && *head.at != '\n';
}

static enum http_verdict refuse(struct http_request *out, int status)
{
    out->status = status;
    out->keep_alive = false;
    return HTTP_REFUSED;
}

enum http_verdict http_request_parse(struct http_request *out, const char *bytes, size_t size)
{
    *out = (struct http_request){0};
    size_t reach = size > HTTP_HEAD_MAX ? HTTP_HEAD_MAX : size;
    const char *end = memmem(bytes, reach, "\r\n\r\n", 4);
    if (!end) {
        /* What can never become a request need not be waited for. */
        bool hopeless = reach > 0 && !is_token_char(*bytes);
        return hopeless                ? refuse(out, 400)
               : size >= HTTP_HEAD_MAX ? refuse(out, 431)
                                       : HTTP_PARTIAL;
    }
    out->size = (size_t)(end - bytes) + 4;
    struct piece head = {bytes, out->size - 2}, line; /* its lines, without the empty one */
    if (!lines_are_whole(head) || !cut(&head, '\n', &line))
        return refuse(out, 400);
    line.size--;
    int status = take_line(out, line);
    if (status == 0)
        status = take_fields(out, head);
    return status == 0 ? HTTP_WHOLE : refuse(out, status);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool decode(struct piece value, char *out, size_t room, size_t *length)
{
    size_t n = 0;
    for (size_t i = 0; i < value.size; i++) {
        char c = value.at[i];
        if (c == '+')
            c = ' ';
        if (value.at[i] == '%') {
            int high = i + 2 < value.size ? hex(value.at[i + 1]) : -1;
            int low = high >= 0 ? hex(value.at[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(unsigned char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || n + 1 >= room)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    *length = n;
    return true;
}

bool http_query(const char *query, const char *name, char *out, size_t size, size_t *length)
{
    struct piece rest = {query, strlen(query)}, one, key;
    for (bool more = true; more;) {
        more = cut(&rest, '&', &one);
        if (!more)
            one = rest;
        struct piece value = one;
        if (cut(&value, '=', &key) && is(key, name))
            return decode(value, out, size, length);
    }
    return false;
}

bool http_host_is_address(const char *host)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN];
    size_t size = strlen(host);
    if (inet_pton(AF_INET, host, &address) == 1)
        return true;
    if (size < 3 || host[0] != '[' || host[size - 1] != ']' || size - 2 >= sizeof text)
        return false;
    memcpy(text, host + 1, size - 2);
    text[size - 2] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}
