/*
 * Sessions: see session.h.
 *
 * Why a belief cannot be turned back. Runs of the peer follow each other: P1 has ended before P2
 * begins. When P2 is believed we have sent hellos 1..m, and P2 had begun by then. P1 can have
 * echoed only hellos sent while it lived, so at most m; believed_seq = m therefore shuts out
 * everything that P1 ever sealed, whether it was recorded, delayed or held back. (The number that
 * P2 echoed would not do: P1 may have echoed a later one in a hello that somebody kept.) So a pair
 * of starts has one unbroken life, and its window is emptied once, at its beginning. (Where two
 * copies of the peer run beside each other, belief goes from one to the other and back: so the
 * counters of the one before are kept.)
 */
#include "crypto/session.h"

#include "crypto/bytes.h"

#include <string.h>

enum { WORD_BITS = 64, WINDOW_WORDS = SESSION_WINDOW / WORD_BITS + 1 };

static const struct start_id NO_START;

static bool start_equal(const struct start_id *a, const struct start_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void session_init(struct session *s)
{
    memset(s, 0, sizeof *s);
}

/* Whether the start that we echo is the one that we believe. */
static bool believes_seen(const struct session *s)
{
    return s->believed && start_equal(&s->peer_seen, &s->peer_start);
}

void session_hello_next(struct session *s, const struct start_id *own, struct hello *out)
{
    /* At the end of its numbers a session stays as it is: it can take no new start, but no old one.
     */
    if (s->hello_seq < UINT32_MAX)
        s->hello_seq++;
    memset(out, 0, sizeof *out);
    out->start = *own;
    out->echo = s->peer_seen;
    out->seq = s->hello_seq;
    out->echo_seq = s->peer_hello_seq;
    out->believes = believes_seen(s);
}

/* What no honest peer sends, whatever was lost, delayed or sent twice. */
static bool hello_valid(const struct session *s, const struct start_id *own,
                        const struct hello *hello)
{
    bool echoes = !start_equal(&hello->echo, &NO_START);
    if (start_equal(&hello->start, &NO_START) || start_equal(&hello->start, own) || hello->seq == 0)
        return false;
    if (echoes != (hello->echo_seq != 0) || (hello->believes && !echoes))
        return false;
    return !start_equal(&hello->echo, own) || hello->echo_seq <= s->hello_seq;
}

/* A new pair of starts: counters and window begin anew, but for one that comes back. */
static void believe(struct session *s, const struct hello *hello)
{
    static const struct session_count fresh;
    struct session_count count = s->count;
    bool back = start_equal(&hello->start, &s->before_start);
    s->count = back ? s->before : fresh;
    s->before = count;
    s->before_start = s->peer_start; /* zero if none was believed */
    s->peer_start = hello->start;
    s->believed = true;
    s->trusted = hello->believes;
    s->believed_seq = s->hello_seq;
}

enum session_hello session_hello_take(struct session *s, const struct start_id *own,
                                      const struct hello *hello)
{
    if (!hello_valid(s, own, hello))
        return HELLO_BAD;

    /* A replay of the start we answer must not lower the number that we echo. */
    bool other = !start_equal(&hello->start, &s->peer_seen);
    bool fresh = other || hello->seq > s->peer_hello_seq;
    if (fresh) {
        s->peer_seen = hello->start;
        s->peer_hello_seq = hello->seq;
    }

    bool echoed = start_equal(&hello->echo, own);
    if (!s->believed || !start_equal(&hello->start, &s->peer_start)) {
        if (!echoed || hello->echo_seq <= s->believed_seq)
            return HELLO_ASKS;
        believe(s, hello);
        return HELLO_BELIEVED;
    }

    /* One run of the peer never stops believing ours, which is the newest there is. */
    bool wants_nothing = echoed && hello->believes;
    s->trusted = s->trusted || wants_nothing;
    return wants_nothing || !fresh ? HELLO_KNOWN : HELLO_ASKS;
}

void hello_encode(uint8_t out[SESSION_HELLO_PLAIN_SIZE], const struct hello *hello)
{
    struct writer w = writer_init(out, SESSION_HELLO_PLAIN_SIZE);
    write_copy(&w, hello->start.bytes, sizeof hello->start.bytes);
    write_copy(&w, hello->echo.bytes, sizeof hello->echo.bytes);
    write_u32(&w, hello->seq);
    write_u32(&w, hello->echo_seq);
    write_u32(&w, hello->epoch);
    write_copy(&w, hello->roster.bytes, sizeof hello->roster.bytes);
    write_u8(&w, hello->believes);
}

bool hello_decode(struct hello *out, const uint8_t *plain, size_t size)
{
    struct hello hello = {0};
    struct reader r = reader_init(plain, size);
    read_copy(&r, hello.start.bytes, sizeof hello.start.bytes);
    read_copy(&r, hello.echo.bytes, sizeof hello.echo.bytes);
    hello.seq = read_u32(&r);
    hello.echo_seq = read_u32(&r);
    hello.epoch = read_u32(&r);
    read_copy(&r, hello.roster.bytes, sizeof hello.roster.bytes);
    hello.believes = read_flag(&r);
    if (!reader_done(&r))
        return false;
    *out = hello;
    return true;
}

uint64_t session_send_next(struct session *s)
{
    return ++s->count.sent;
}

/* Makes `counter` the newest: words between the old newest and it hold nothing seen. */
static void window_advance(struct session *s, uint64_t counter)
{
    uint64_t old = s->count.taken / WORD_BITS;
    uint64_t steps = counter / WORD_BITS - old;
    if (steps > WINDOW_WORDS)
        steps = WINDOW_WORDS;
    /* More than a whole turn empties every word, in whatever order. */
    for (uint64_t i = 1; i <= steps; i++)
        s->count.window[(old + i) % WINDOW_WORDS] = 0;
    s->count.taken = counter;
}

bool session_take(struct session *s, uint64_t counter)
{
    if (!s->believed || counter == 0)
        return false;
    if (counter > s->count.taken)
        window_advance(s, counter);
    else if (s->count.taken - counter >= SESSION_WINDOW)
        return false;

    uint64_t *word = &s->count.window[counter / WORD_BITS % WINDOW_WORDS];
    uint64_t bit = (uint64_t)1 << counter % WORD_BITS;
    if (*word & bit)
        return false;
    *word |= bit;
    /* It was sealed for our start, which only a peer that believes it does. */
    s->trusted = true;
    return true;
}
