/* The status page, put together. The build runs at the top of the tree. */
#include "node/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/must.h"

extern const char page_html[], page_css[], page_js[];

#define PAGE_PART(name, file)                                                                      \
    __asm__(".section .rodata\n"                                                                   \
            ".global " name "\n"                                                                   \
            ".hidden " name "\n"                                                                   \
            ".type " name ", @object\n" name ":\n"                                                 \
            ".incbin \"node/page/" file "\"\n"                                                     \
            ".byte 0\n"                                                                            \
            ".size " name ", . - " name "\n"                                                       \
            ".previous\n")

PAGE_PART("page_html", "page.html");
PAGE_PART("page_css", "page.css");
PAGE_PART("page_js", "page.js");

/* Where in page.html they go. */
#define PAGE_STYLE  "<!-- style -->"
#define PAGE_SCRIPT "<!-- script -->"

enum { PAGE_DIGEST = sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, 1) };

static void page_digest(char out[PAGE_DIGEST], const char *text)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
    sodium_bin2base64(out, PAGE_DIGEST, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
}

void page_make(struct page *out)
{
    char style[PAGE_DIGEST], script[PAGE_DIGEST];
    const char *at_style = strstr(page_html, PAGE_STYLE);
    const char *at_script = strstr(page_html, PAGE_SCRIPT);
    must(at_style && at_script && at_style < at_script);
    const char *middle = at_style + strlen(PAGE_STYLE), *end = at_script + strlen(PAGE_SCRIPT);
    int size = asprintf(&out->text, "%.*s<style>%s</style>%.*s<script>%s</script>%s",
                        (int)(at_style - page_html), page_html, page_css, (int)(at_script - middle),
                        middle, page_js, end);
    must(size > 0);
    out->size = (size_t)size;
    page_digest(style, page_css);
    page_digest(script, page_js);
    size = snprintf(
        out->headers, sizeof out->headers,
        "Content-Security-Policy: default-src 'none'; style-src 'sha256-%s'; "
        "script-src 'sha256-%s'; connect-src 'self'; img-src data:; base-uri 'none'; form-action "
        "'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'\r\nX-Frame-Options: DENY\r\n",
        style, script);
    must(size > 0 && (size_t)size < sizeof out->headers);
}

void page_free(struct page *page)
{
    free(page->text);
    *page = (struct page){0};
}
