/*
 * The hash-chained file: what was written is read back; cut at any byte it is torn, with any bit
 * flipped it is broken, and nothing can be left out, put in or moved.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/chain.h"

Suite *suite_chain(void);

enum { RECORDS = 5, ROOM = 4096 };

static const struct chain_head head = {{{7}}, 3, 41, {{9}}};

struct file {
    uint8_t bytes[ROOM];
    size_t size;
    size_t at[RECORDS + 1]; /* where each begins, and the end */
    struct chain_tip tip;
};

/* Record i: i + 1 bytes of the number i + 1. */
static void make(struct file *f, const struct chain_head *of)
{
    *f = (struct file){.size = CHAIN_HEADER_SIZE};
    f->tip = chain_begin(f->bytes, of);
    for (size_t i = 0; i < RECORDS; i++) {
        uint8_t payload[RECORDS], record[CHAIN_RECORD_MAX];
        memset(payload, (int)i + 1, sizeof payload);
        f->at[i] = f->size;
        size_t size = chain_add(record, &f->tip, 1000 + i, payload, i + 1);
        memcpy(f->bytes + f->size, record, size);
        f->size += size;
    }
    f->at[RECORDS] = f->size;
}

/* Good records, and what follows them. */
static size_t read_all(const uint8_t *bytes, size_t size, enum chain_verdict *verdict,
                       struct chain_reader *reader)
{
    /* Its own memory, so that a sanitizer sees what is read beyond it. */
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    struct chain_record record;
    size_t count = 0;
    *verdict = chain_open(reader, copy, size);
    if (*verdict == CHAIN_END) {
        while ((*verdict = chain_next(reader, &record)) == CHAIN_RECORD) {
            count++;
            ck_assert_uint_eq(record.seq, reader->head.first + count - 1);
            ck_assert(record.payload >= copy + CHAIN_HEADER_SIZE);
        }
        ck_assert_int_eq(chain_next(reader, &record), *verdict);
    }
    free(copy);
    return count;
}

START_TEST(test_what_was_written_is_read_back)
{
    struct file f;
    struct chain_reader reader;
    struct chain_record record, peeked;
    make(&f, &head);
    ck_assert_int_eq(chain_open(&reader, f.bytes, f.size), CHAIN_END);
    ck_assert_uint_eq(reader.head.slot, 3);
    ck_assert_uint_eq(reader.head.first, 41);
    for (size_t i = 0; i < RECORDS; i++) {
        ck_assert_int_eq(chain_next(&reader, &record), CHAIN_RECORD);
        ck_assert_uint_eq(record.seq, 41 + i);
        ck_assert_uint_eq(record.time_ms, 1000 + i);
        ck_assert_uint_eq(record.size, i + 1);
        ck_assert_uint_eq(record.payload[i], i + 1);
        ck_assert(chain_peek(f.bytes, f.size, f.at[i], &peeked));
        ck_assert_uint_eq(peeked.seq, record.seq);
        ck_assert_mem_eq(peeked.digest.bytes, record.digest.bytes, DIGEST_SIZE);
    }
    ck_assert_int_eq(chain_next(&reader, &record), CHAIN_END);
    ck_assert_uint_eq(reader.tip.next, f.tip.next);
    ck_assert_mem_eq(reader.tip.digest.bytes, f.tip.digest.bytes, DIGEST_SIZE);
    ck_assert(!chain_peek(f.bytes, f.size, f.size + 1, &peeked));
    ck_assert(!chain_peek(f.bytes, f.size, f.size - 3, &peeked));
}
END_TEST

START_TEST(test_torn_at_every_byte)
{
    struct file f;
    struct chain_reader reader;
    enum chain_verdict verdict;
    make(&f, &head);
    for (size_t size = 0; size < f.size; size++) {
        size_t whole = 0;
        while (whole < RECORDS && f.at[whole + 1] <= size)
            whole++;
        size_t count = read_all(f.bytes, size, &verdict, &reader);
        bool between = size >= CHAIN_HEADER_SIZE && size == f.at[whole];
        ck_assert_msg(verdict == (between ? CHAIN_END : CHAIN_TORN), "cut at %zu", size);
        ck_assert_uint_eq(count, whole);
        if (size >= CHAIN_HEADER_SIZE)
            ck_assert_uint_eq(reader.at, f.at[whole]);
    }
}
END_TEST

START_TEST(test_the_last_record_never_left_the_cache)
{
    struct file f;
    struct chain_reader reader;
    enum chain_verdict verdict;
    make(&f, &head);
    for (size_t from = f.at[RECORDS - 1]; from <= f.size - 16; from++) {
        make(&f, &head);
        memset(f.bytes + from, 0, f.size - from);
        ck_assert_uint_eq(read_all(f.bytes, f.size, &verdict, &reader), RECORDS - 1);
        ck_assert_int_eq(verdict, CHAIN_TORN);
    }
}
END_TEST

START_TEST(test_each_bit_flipped_breaks_it)
{
    struct file f;
    struct chain_reader reader;
    enum chain_verdict verdict;
    make(&f, &head);
    for (size_t bit = 0; bit < f.size * 8; bit++) {
        size_t whole = 0;
        f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        while (f.at[whole + 1] <= bit / 8)
            whole++;
        size_t count = read_all(f.bytes, f.size, &verdict, &reader);
        ck_assert_msg(verdict == CHAIN_BROKEN, "bit %zu", bit);
        ck_assert_uint_eq(count, bit / 8 < CHAIN_HEADER_SIZE ? 0 : whole);
        f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
END_TEST

START_TEST(test_nothing_is_left_out_moved_or_put_in)
{
    struct file f, other, changed;
    struct chain_reader reader;
    enum chain_verdict verdict;
    struct chain_head elsewhere = head;
    make(&f, &head);
    elsewhere.slot = 4;
    make(&other, &elsewhere);
    for (size_t i = 0; i + 1 < RECORDS; i++) {
        size_t record = f.at[i + 1] - f.at[i];
        changed = f; /* without record i */
        memmove(changed.bytes + f.at[i], f.bytes + f.at[i + 1], f.size - f.at[i + 1]);
        ck_assert_uint_eq(read_all(changed.bytes, f.size - record, &verdict, &reader), i);
        ck_assert_int_eq(verdict, CHAIN_BROKEN);
        changed = f; /* with record i twice */
        memmove(changed.bytes + f.at[i + 1], f.bytes + f.at[i], f.size - f.at[i]);
        ck_assert_uint_eq(read_all(changed.bytes, f.size + record, &verdict, &reader), i + 1);
        ck_assert_int_eq(verdict, CHAIN_BROKEN);
        changed = f; /* with record i of another chain */
        memcpy(changed.bytes + f.at[i], other.bytes + f.at[i], record);
        ck_assert_uint_eq(read_all(changed.bytes, f.size, &verdict, &reader), i);
        ck_assert_int_eq(verdict, CHAIN_BROKEN);
    }
}
END_TEST

START_TEST(test_a_file_follows_on_the_one_before_it)
{
    struct file f;
    struct chain_head next = head;
    make(&f, &head);
    ck_assert(!chain_follows(&next, &f.tip));
    next.first = f.tip.next;
    next.before = f.tip.digest;
    ck_assert(chain_follows(&next, &f.tip));
    next.first++;
    ck_assert(!chain_follows(&next, &f.tip));
    for (enum chain_verdict v = CHAIN_RECORD; v <= CHAIN_BROKEN; v++)
        ck_assert_uint_gt(strlen(chain_verdict_text(v)), 0);
}
END_TEST

Suite *suite_chain(void)
{
    Suite *suite = suite_create("chain");
    TCase *tests = tcase_create("chain");
    tcase_add_test(tests, test_what_was_written_is_read_back);
    tcase_add_test(tests, test_torn_at_every_byte);
    tcase_add_test(tests, test_the_last_record_never_left_the_cache);
    tcase_add_test(tests, test_each_bit_flipped_breaks_it);
    tcase_add_test(tests, test_nothing_is_left_out_moved_or_put_in);
    tcase_add_test(tests, test_a_file_follows_on_the_one_before_it);
    suite_add_tcase(suite, tests);
    return suite;
}
