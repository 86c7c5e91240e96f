/*
 * The session between two starts (design T1): who the other end is at present, the counter of what
 * we send, and the window of what we have taken.
 *
 * Peers learn each other's starts by hellos:
 *
 *      A                                                      B
 *      |-- hello {start A, seq 1, echo 0, 0}  --------------->|  B does not believe yet
 *      |<- hello {start B, seq 7, echo A, 1}  ----------------|  A believes B
 *      |-- hello {start A, seq 2, echo B, 7, believes}  ----->|  B believes A
 *      |<==================== data, both ways ===============>|
 *
 * A start is believed only if the hello echoes our own start *and* a hello of ours that we sent
 * after the last start was believed. A run of the peer that ended before then cannot have seen that
 * hello, so nothing that was recorded or held back can bring an old start back, and with it an old
 * window.
 *
 * Any of these may be lost. Each end repeats its hello (at a bounded rate) while it wants to send
 * and either does not believe the peer or has no sign that the peer believes it (`trusted`); the
 * flag `believes` tells the receiver of a hello whether an answer is wanted.
 *
 * The window follows RFC 6479 / WireGuard: it moves only after the datagram opened.
 */
#ifndef CRYPTO_SESSION_H
#define CRYPTO_SESSION_H

#include "crypto/seal.h"

enum {
    SESSION_WINDOW = 1024,
    SESSION_HELLO_PLAIN_SIZE = 2 * START_SIZE + 2 * 4 + 4 + DIGEST_SIZE + 1
};

/* Plain text of a hello; `epoch` and `roster` say which roster its sender goes by. */
struct hello {
    struct start_id start;
    struct start_id echo; /* the receiver's start as the sender knows it; zero if it does not */
    uint32_t seq;         /* the sender's hellos to this receiver, from 1 */
    uint32_t echo_seq;    /* the newest hello of the receiver that the sender took */
    uint32_t epoch;
    struct digest roster;
    bool believes; /* the sender believes the start that it echoes */
};

/* The counters of one pair of starts. */
struct session_count {
    uint64_t sent;  /* of the last datagram */
    uint64_t taken; /* the highest */
    /* Bit c % 64 of word c / 64, modulo the words. One word more than the window, since a word is
     * emptied as a whole when the newest counter enters it. */
    uint64_t window[SESSION_WINDOW / 64 + 1];
};

struct session {
    struct start_id peer_start; /* meaningful while `believed` */
    bool believed;
    bool trusted;            /* the believed start has shown that it believes ours */
    uint32_t hello_seq;      /* hellos we sent */
    uint32_t believed_seq;   /* hellos we had sent when we believed; only an echo above it counts */
    uint32_t peer_hello_seq; /* newest hello seen of the start we answer (believed or not) */
    struct start_id peer_seen;  /* the start in that hello: what our next hello echoes */
    struct session_count count; /* under this pair of starts */
    /* The start believed before this one, zero if none was. Only one that lives beside the present
     * one, a clone, can come back; then its counters go on where they were. */
    struct start_id before_start;
    struct session_count before;
};

enum session_hello {
    HELLO_BELIEVED, /* newly believed, counters begin anew; answer unless hello->believes */
    HELLO_KNOWN,    /* of the start that we believe already, and it wants no answer */
    HELLO_ASKS,     /* one does not believe the other: answer with a hello (rate-limited) */
    HELLO_BAD       /* malformed, or it echoes a hello that we never sent; nothing changed */
};

/*
 * Once per peer and run: a session that is initialised again under the same own start forgets which
 * hellos it may no longer believe.
 */
void session_init(struct session *s);
/* Fills the next hello that we send and counts it. */
void session_hello_next(struct session *s, const struct start_id *own, struct hello *out);
/* Takes an opened hello. */
enum session_hello session_hello_take(struct session *s, const struct start_id *own,
                                      const struct hello *hello);
void hello_encode(uint8_t out[SESSION_HELLO_PLAIN_SIZE], const struct hello *hello);
/* False, with *out unchanged, unless it has the exact size and a flag of 0 or 1. */
bool hello_decode(struct hello *out, const uint8_t *plain, size_t size);

/* The next counter to send under; starts at 1 for each pair of starts. */
uint64_t session_send_next(struct session *s);
/*
 * Call after the datagram opened under the believed pair of starts. False: seen already,
 * SESSION_WINDOW or more behind the newest and so too old to tell, zero, or no start is believed.
 * Moves the window.
 */
bool session_take(struct session *s, uint64_t counter);

#endif
