/* A request of the agent's HTTP server: what is whole, and what each fault is refused with. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/http_request.h"

Suite *suite_http_request(void);

static struct http_request r;

static int parse(const char *text)
{
    return http_request_parse(&r, text, strlen(text));
}

/* 0: whole; -1: more is needed; else the status of the refusal. */
static int verdict(const char *text)
{
    int v = parse(text);
    return v == HTTP_WHOLE ? 0 : v == HTTP_PARTIAL ? -1 : r.status;
}

START_TEST(whole)
{
    const char *text = "GET /api/lock?name=a HTTP/1.1\r\nHost: HV1.Example:9190\r\n"
                       "last-event-id:  ab:7 \r\n\r\n";
    ck_assert_int_eq(parse(text), HTTP_WHOLE);
    ck_assert_uint_eq(r.size, strlen(text));
    ck_assert_str_eq(r.path, "/api/lock");
    ck_assert_str_eq(r.query, "name=a");
    ck_assert_str_eq(r.host, "hv1.example");
    ck_assert_str_eq(r.last_id, "ab:7");
    ck_assert(r.keep_alive && !r.head && !r.cross_site);
    ck_assert_int_eq(parse("HEAD / HTTP/1.0\r\n\r\n"), HTTP_WHOLE);
    ck_assert(r.head && !r.keep_alive && r.query[0] == '\0');
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n"
                             "Sec-Fetch-Site: cross-site\r\n\r\n"),
                     0);
    ck_assert(!r.keep_alive && r.cross_site);
}
END_TEST

START_TEST(hosts)
{
    static const struct {
        const char *given, *host;
    } good[] = {{"a", "a"}, {"[::1]:80", "[::1]"}, {"[::1]", "[::1]"}, {"1.2.3.4:", "1.2.3.4"}};
    static const char *const bad[] = {"", ":80", "a:b", "[::1]x", "a:80:80"};
    char text[256];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i].given);
        ck_assert_int_eq(verdict(text), 0);
        ck_assert_str_eq(r.host, good[i].host);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        ck_assert_int_eq(verdict(text), 400);
    }
    ck_assert(http_host_is_address("127.0.0.1") && http_host_is_address("[fd00::1]"));
    ck_assert(!http_host_is_address("localhost") && !http_host_is_address("::1"));
    ck_assert(!http_host_is_address("127.0.0.1.evil.example") && !http_host_is_address("[]"));
}
END_TEST

START_TEST(refused)
{
#define H "Host: a\r\n"
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n\r\n"), 400); /* no host */
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n" H H "\r\n"), 400);
    ck_assert_int_eq(verdict("POST / HTTP/1.1\r\n" H "\r\n"), 405);
    ck_assert_int_eq(verdict("GET / HTTP/2.0\r\n" H "\r\n"), 505);
    ck_assert_int_eq(verdict("GET / FTP\r\n" H "\r\n"), 400);
    ck_assert_int_eq(verdict("GET http://a/ HTTP/1.1\r\n" H "\r\n"), 400);
    ck_assert_int_eq(verdict("GET /\x80 HTTP/1.1\r\n" H "\r\n"), 400);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx"), 413);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), 0);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), 413);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n" H " folded: x\r\n\r\n"), 400);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n" H "a b: x\r\n\r\n"), 400);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n" H "x: a\x01\r\n\r\n"), 400);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\n" H "\r\n"), 400);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n" H "x: a\rb\r\n\r\n"), 400);
    ck_assert_int_eq(verdict("\r\n"), 400);
    ck_assert_int_eq(verdict("\x16\x03\x01"), 400); /* TLS */
    ck_assert_int_eq(verdict(""), -1);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\n" H), -1);
#undef H
}
END_TEST

/* Exactly the largest head is taken; one byte more is not waited for. */
START_TEST(bounds)
{
    char text[2 * HTTP_HEAD_MAX];
    const char *front = "GET / HTTP/1.1\r\nHost: a\r\nx: ";
    size_t at = strlen(front), pad = HTTP_HEAD_MAX - at - 4;
    snprintf(text, sizeof text, "%s", front);
    memset(text + at, 'x', sizeof text - at);
    memcpy(text + at + pad, "\r\n\r\n", 5);
    ck_assert_int_eq(http_request_parse(&r, text, HTTP_HEAD_MAX), HTTP_WHOLE);
    ck_assert_int_eq(http_request_parse(&r, text, HTTP_HEAD_MAX - 1), HTTP_PARTIAL);
    memset(text + at, 'x', sizeof text - at);
    ck_assert_int_eq(http_request_parse(&r, text, HTTP_HEAD_MAX - 1), HTTP_PARTIAL);
    ck_assert_int_eq(http_request_parse(&r, text, HTTP_HEAD_MAX), HTTP_REFUSED);
    ck_assert_int_eq(r.status, 431);
    int n =
        snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_TARGET_MAX, 0);
    ck_assert_int_eq(http_request_parse(&r, text, (size_t)n), HTTP_REFUSED);
    ck_assert_int_eq(r.status, 414);
    n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < HTTP_FIELDS_MAX; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "x: %d\r\n", i);
    snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    ck_assert_int_eq(verdict(text), 431);
}
END_TEST

START_TEST(queries)
{
    char out[8];
    size_t length = 0;
    ck_assert(http_query("a=1&name=%2fx+y&name=z", "name", out, sizeof out, &length));
    ck_assert_str_eq(out, "/x y");
    ck_assert_uint_eq(length, 4);
    ck_assert(http_query("name=", "name", out, sizeof out, &length) && length == 0);
    ck_assert(!http_query("", "name", out, sizeof out, &length));
    ck_assert(!http_query("names=1&xname=2&name", "name", out, sizeof out, &length));
    ck_assert(!http_query("name=%", "name", out, sizeof out, &length));
    ck_assert(!http_query("name=%4", "name", out, sizeof out, &length));
    ck_assert(!http_query("name=%00", "name", out, sizeof out, &length));
    ck_assert(!http_query("name=%zz", "name", out, sizeof out, &length));
    ck_assert(http_query("name=1234567", "name", out, sizeof out, &length));
    ck_assert(!http_query("name=12345678", "name", out, sizeof out, &length));
}
END_TEST

Suite *suite_http_request(void)
{
    Suite *s = suite_create("http_request");
    TCase *c = tcase_create("http_request");
    tcase_add_test(c, whole);
    tcase_add_test(c, hosts);
    tcase_add_test(c, refused);
    tcase_add_test(c, bounds);
    tcase_add_test(c, queries);
    suite_add_tcase(s, c);
    return s;
}
