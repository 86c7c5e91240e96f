/*
 * The vote log's bytes: what is read is what was written, a prefix of it, whatever happens to the
 * bytes; and the verdict tells a torn tail from a damaged middle.
 *
 * The truth is computed apart from the reader (check_against_truth): the test knows where each
 * record stands and which of them are still as they were written.
 */
#include <check.h>
#include <stdlib.h>

#include "proto/votelog.h"

Suite *suite_votelog(void);

enum {
    FIRST = 254, /* so that the lsns cross 256 and their low bytes are zero too */
    BASE = 256,
    COUNT = 12,
    TAIL = 96, /* preallocated zeros */
    ROOM = 4096
};

/* As three group commits behind a snapshot would leave them: {durable, payload size}. */
static const struct {
    uint64_t durable;
    size_t size;
} plan[COUNT] = {
    {253, 0},  {253, 31}, {253, 7},             /* the snapshot: 254, 255, 256 */
    {256, 40}, {256, 1},  {256, 64},            /* 257, 258, 259 in one batch */
    {259, 12}, {259, 90},                       /* 260, 261 */
    {261, 33}, {261, 0},  {261, 5},  {261, 48}, /* 262 .. 265: nobody was told of these */
};

struct sample {
    uint8_t bytes[ROOM];
    size_t size;
    size_t at[COUNT + 1]; /* where each record starts; the last is the end */
};

static const struct store_id store = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static uint32_t draw(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void payload_of(uint64_t lsn, size_t size, uint8_t *out)
{
    uint32_t state = (uint32_t)lsn;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)draw(&state);
}

static struct votelog_header header_of(uint64_t first, uint64_t base)
{
    struct votelog_header h = {.store = store, .slot = 3, .first_lsn = first, .base_lsn = base};
    h.cluster.bytes[0] = 0x77;
    return h;
}

static size_t append(uint8_t *bytes, size_t at, uint64_t lsn, uint64_t durable, size_t size)
{
    uint8_t payload[256];
    payload_of(lsn, size, payload);
    struct writer w = writer_init(bytes + at, ROOM - at);
    votelog_record_encode(&w, &store, lsn, durable, payload, size);
    ck_assert(!w.failed);
    return at + writer_size(&w);
}

static void make_sample(struct sample *s)
{
    memset(s, 0, sizeof *s);
    struct votelog_header header = header_of(FIRST, BASE);
    votelog_header_encode(s->bytes, &header);
    s->at[0] = VOTELOG_HEADER_SIZE;
    for (size_t i = 0; i < COUNT; i++)
        s->at[i + 1] = append(s->bytes, s->at[i], FIRST + i, plan[i].durable, plan[i].size);
    s->size = s->at[COUNT] + TAIL;
}

/* Reads until the log ends; how many records there were. Each must be the one that was written. */
static size_t read_all(const uint8_t *bytes, size_t size, enum votelog_verdict *ended)
{
    struct votelog_reader reader;
    struct votelog_record record;
    size_t count = 0;
    *ended = votelog_open(&reader, bytes, size);
    if (*ended != VOTELOG_RECORD)
        return 0;
    while ((*ended = votelog_next(&reader, &record)) == VOTELOG_RECORD) {
        uint8_t payload[256];
        ck_assert_uint_lt(count, COUNT);
        ck_assert_uint_eq(record.lsn, FIRST + count);
        ck_assert_uint_eq(record.payload.size, plan[count].size);
        payload_of(record.lsn, record.payload.size, payload);
        ck_assert(view_equal(record.payload, (struct view){payload, plan[count].size}));
        count++;
    }
    ck_assert_int_eq(votelog_next(&reader, &record), *ended);
    return count;
}

static bool intact(const struct sample *s, const uint8_t *bytes, size_t size, size_t i)
{
    return s->at[i + 1] <= size &&
           memcmp(bytes + s->at[i], s->bytes + s->at[i], s->at[i + 1] - s->at[i]) == 0;
}

static enum votelog_verdict true_verdict(const struct sample *s, const uint8_t *bytes, size_t size,
                                         size_t good)
{
    uint64_t failed = FIRST + good;
    if (failed <= BASE)
        return VOTELOG_DAMAGED;
    for (size_t i = good + 1; i < COUNT; i++) {
        if (intact(s, bytes, size, i) && plan[i].durable >= failed)
            return VOTELOG_DAMAGED;
    }
    for (size_t at = s->at[good]; at < size; at++) {
        if (bytes[at] != 0)
            return VOTELOG_TORN;
    }
    return VOTELOG_END;
}

static void check_against_truth(const struct sample *s, const uint8_t *bytes, size_t size)
{
    enum votelog_verdict ended;
    size_t good = 0;
    while (good < COUNT && intact(s, bytes, size, good))
        good++;
    ck_assert_uint_eq(read_all(bytes, size, &ended), good);
    ck_assert_int_eq(ended, true_verdict(s, bytes, size, good));
}

START_TEST(roundtrip)
{
    struct sample s;
    struct votelog_reader reader;
    enum votelog_verdict ended;
    make_sample(&s);
    ck_assert_int_eq(votelog_open(&reader, s.bytes, s.size), VOTELOG_RECORD);
    ck_assert_mem_eq(reader.header.store.bytes, store.bytes, STORE_ID_SIZE);
    ck_assert_uint_eq(reader.header.cluster.bytes[0], 0x77);
    ck_assert_uint_eq(reader.header.slot, 3);
    ck_assert_uint_eq(reader.header.first_lsn, FIRST);
    ck_assert_uint_eq(reader.header.base_lsn, BASE);
    ck_assert_uint_eq(read_all(s.bytes, s.size, &ended), COUNT);
    ck_assert_int_eq(ended, VOTELOG_END);

    /* A file that ends with its last record is as clean as one with zeros behind it. */
    ck_assert_uint_eq(read_all(s.bytes, s.at[COUNT], &ended), COUNT);
    ck_assert_int_eq(ended, VOTELOG_END);
}
END_TEST

START_TEST(empty_and_largest)
{
    static uint8_t bytes[VOTELOG_HEADER_SIZE + VOTELOG_RECORD_OVERHEAD + VOTELOG_PAYLOAD_MAX];
    static uint8_t payload[VOTELOG_PAYLOAD_MAX];
    struct votelog_reader reader;
    struct votelog_record record;
    struct votelog_header header = header_of(1, 0);
    votelog_header_encode(bytes, &header);
    ck_assert_int_eq(votelog_open(&reader, bytes, VOTELOG_HEADER_SIZE), VOTELOG_RECORD);
    ck_assert_int_eq(votelog_next(&reader, &record), VOTELOG_END);

    memset(payload, 0xab, sizeof payload);
    struct writer w = writer_init(bytes + VOTELOG_HEADER_SIZE, sizeof bytes - VOTELOG_HEADER_SIZE);
    votelog_record_encode(&w, &store, 1, 0, payload, sizeof payload);
    ck_assert(!w.failed && writer_left(&w) == 0);
    ck_assert_int_eq(votelog_open(&reader, bytes, sizeof bytes), VOTELOG_RECORD);
    ck_assert_int_eq(votelog_next(&reader, &record), VOTELOG_RECORD);
    ck_assert_uint_eq(record.payload.size, VOTELOG_PAYLOAD_MAX);
    ck_assert_int_eq(votelog_next(&reader, &record), VOTELOG_END);

    w = writer_init(bytes, VOTELOG_RECORD_OVERHEAD + 3);
    votelog_record_encode(&w, &store, 1, 0, payload, 4);
    ck_assert(w.failed);
}
END_TEST

START_TEST(cut_at_every_byte)
{
    struct sample s;
    make_sample(&s);
    for (size_t size = 0; size <= s.size; size++) {
        /* A copy of that very size, so that the address sanitizer sees a read behind it. */
        uint8_t *bytes = malloc(size + 1);
        enum votelog_verdict ended;
        memcpy(bytes, s.bytes, size);
        bytes[size] = 0xee;
        if (size < VOTELOG_HEADER_SIZE) {
            ck_assert_uint_eq(read_all(bytes, size, &ended), 0);
            ck_assert_int_eq(ended, VOTELOG_NOT_A_STORE);
        } else {
            check_against_truth(&s, bytes, size);
        }
        free(bytes);
    }
}
END_TEST

START_TEST(zeros_from_every_byte)
{
    struct sample s;
    make_sample(&s);
    for (size_t from = VOTELOG_HEADER_SIZE; from < s.size; from++) {
        uint8_t bytes[ROOM] = {0};
        memcpy(bytes, s.bytes, from);
        check_against_truth(&s, bytes, s.size);
    }
}
END_TEST

START_TEST(flip_every_bit)
{
    struct sample s;
    make_sample(&s);
    for (size_t at = 0; at < s.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            uint8_t bytes[ROOM];
            enum votelog_verdict ended;
            memcpy(bytes, s.bytes, s.size);
            bytes[at] ^= (uint8_t)(1 << bit);
            if (at < VOTELOG_HEADER_SIZE) {
                ck_assert_uint_eq(read_all(bytes, s.size, &ended), 0);
                ck_assert_int_eq(ended, VOTELOG_NOT_A_STORE);
            } else {
                check_against_truth(&s, bytes, s.size);
            }
        }
    }
}
END_TEST

/* Power loss: of what was not synced any set of sectors may be missing, of what was synced none. */
START_TEST(unsynced_sectors_lost)
{
    enum { SECTOR = 16, DURABLE = 261 };
    struct sample s;
    uint32_t state = 7;
    make_sample(&s);
    size_t unsynced = s.at[DURABLE + 1 - FIRST];
    for (int round = 0; round < 5000; round++) {
        uint8_t bytes[ROOM];
        enum votelog_verdict ended;
        memcpy(bytes, s.bytes, s.size);
        for (size_t at = unsynced; at < s.at[COUNT]; at += SECTOR) {
            if (draw(&state) % 3 == 0)
                memset(bytes + at, 0, SECTOR);
        }
        check_against_truth(&s, bytes, s.size);
        ck_assert_uint_ge(read_all(bytes, s.size, &ended), DURABLE + 1 - FIRST);
        ck_assert(ended == VOTELOG_END || ended == VOTELOG_TORN);
    }
}
END_TEST

/* A whole record lost in the middle, also when its zeros look like the preallocated rest. */
START_TEST(lost_middle_is_damaged)
{
    struct sample s;
    make_sample(&s);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t bytes[ROOM];
        memcpy(bytes, s.bytes, s.size);
        memset(bytes + s.at[i], 0, s.at[i + 1] - s.at[i]);
        check_against_truth(&s, bytes, s.size);
        memmove(bytes + s.at[i], s.bytes + s.at[i + 1], s.size - s.at[i + 1]);
        enum votelog_verdict ended;
        ck_assert_uint_eq(read_all(bytes, s.size - (s.at[i + 1] - s.at[i]), &ended), i);
    }
}
END_TEST

START_TEST(other_places_and_other_stores)
{
    struct sample s;
    enum votelog_verdict ended;
    make_sample(&s);

    /* The same records under another store's header. */
    struct votelog_header header = header_of(FIRST, FIRST - 1);
    header.store.bytes[5] ^= 1;
    uint8_t bytes[ROOM];
    memcpy(bytes, s.bytes, s.size);
    votelog_header_encode(bytes, &header);
    ck_assert_uint_eq(read_all(bytes, s.size, &ended), 0);
    ck_assert_int_eq(ended, VOTELOG_TORN);

    /* A good record that stands one place too early does not continue the chain. */
    header = header_of(FIRST, FIRST - 1);
    votelog_header_encode(bytes, &header);
    size_t size = append(bytes, VOTELOG_HEADER_SIZE, FIRST, FIRST - 1, 0);
    size = append(bytes, size, FIRST + 2, FIRST - 1, 7);
    ck_assert_uint_eq(read_all(bytes, size, &ended), 1);
    ck_assert_int_eq(ended, VOTELOG_TORN);
}
END_TEST

/*
 * 262 is torn, 263.. lie behind it from before. A new 262 of another size does not join up with
 * them; and a fresh segment, which drivers begin with after every recovery, knows none of them.
 */
START_TEST(stale_records_do_not_continue)
{
    struct sample s;
    enum votelog_verdict ended;
    make_sample(&s);
    size_t torn = 262 - FIRST;
    memset(s.bytes + s.at[torn], 0, 20);
    ck_assert_uint_eq(read_all(s.bytes, s.size, &ended), torn);
    ck_assert_int_eq(ended, VOTELOG_TORN);
    for (size_t size = 0; size < 120; size++) {
        uint8_t bytes[ROOM];
        struct votelog_reader reader;
        struct votelog_record record;
        if (size == plan[torn].size)
            continue;
        memcpy(bytes, s.bytes, s.size);
        size_t end = append(bytes, s.at[torn], 262, 261, size);
        votelog_open(&reader, bytes, s.size);
        uint64_t last = 0;
        while ((ended = votelog_next(&reader, &record)) == VOTELOG_RECORD)
            last = record.lsn;
        ck_assert_uint_eq(last, 262);
        ck_assert_uint_eq(reader.at, end);
        ck_assert(ended == VOTELOG_TORN || (ended == VOTELOG_END && end >= s.at[COUNT]));
    }

    struct votelog_header header = header_of(262, 261);
    votelog_header_encode(s.bytes, &header);
    ck_assert_uint_eq(read_all(s.bytes, s.size, &ended), 0);
    ck_assert_int_eq(ended, VOTELOG_TORN);
}
END_TEST

/* Puts the checksum right over a header that was changed by hand. */
static void reseal_header(uint8_t *bytes)
{
    struct writer w = writer_init(bytes + VOTELOG_HEADER_SIZE - 8, 8);
    write_u64(&w, hash64(bytes + 12, bytes, VOTELOG_HEADER_SIZE - 8));
}

START_TEST(foreign_and_implausible_headers)
{
    struct sample s;
    struct votelog_reader reader;
    make_sample(&s);
    s.bytes[8]++;
    reseal_header(s.bytes);
    ck_assert_int_eq(votelog_open(&reader, s.bytes, s.size), VOTELOG_FOREIGN);

    make_sample(&s);
    reseal_header(s.bytes); /* proves that the helper knows the layout */
    ck_assert_int_eq(votelog_open(&reader, s.bytes, s.size), VOTELOG_RECORD);

    struct writer w = writer_init(s.bytes + 62, 16);
    write_u64(&w, FIRST);
    write_u64(&w, FIRST - 2);
    reseal_header(s.bytes);
    ck_assert_int_eq(votelog_open(&reader, s.bytes, s.size), VOTELOG_NOT_A_STORE);
    w = writer_init(s.bytes + 62, 16);
    write_u64(&w, 0);
    write_u64(&w, UINT64_MAX);
    reseal_header(s.bytes);
    ck_assert_int_eq(votelog_open(&reader, s.bytes, s.size), VOTELOG_NOT_A_STORE);
    ck_assert_int_eq(votelog_open(&reader, NULL, 0), VOTELOG_NOT_A_STORE);
}
END_TEST

/* Bytes made to cost a checksum at every step end the scan early, on the safe side. */
START_TEST(scan_is_bounded)
{
    enum { SIZE = 16 * 1024 * 1024 };
    uint8_t *bytes = calloc(1, SIZE);
    struct votelog_reader reader;
    struct votelog_record record;
    struct votelog_header header = header_of(100, 99);
    votelog_header_encode(bytes, &header);
    struct writer w = writer_init(bytes + VOTELOG_HEADER_SIZE, SIZE - VOTELOG_HEADER_SIZE);
    while (writer_left(&w) > VOTELOG_PAYLOAD_MAX + VOTELOG_RECORD_OVERHEAD) {
        write_u64(&w, 101);
        write_u64(&w, 100);
        write_u32(&w, VOTELOG_PAYLOAD_MAX);
    }
    ck_assert_int_eq(votelog_open(&reader, bytes, SIZE), VOTELOG_RECORD);
    ck_assert_int_eq(votelog_next(&reader, &record), VOTELOG_DAMAGED);
    free(bytes);
}
END_TEST

START_TEST(verdicts_have_texts)
{
    for (int verdict = VOTELOG_RECORD; verdict <= VOTELOG_FOREIGN; verdict++)
        ck_assert_uint_gt(strlen(votelog_verdict_text((enum votelog_verdict)verdict)), 10);
}
END_TEST

Suite *suite_votelog(void)
{
    Suite *suite = suite_create("votelog");
    TCase *tcase = tcase_create("bytes");
    tcase_add_test(tcase, roundtrip);
    tcase_add_test(tcase, empty_and_largest);
    tcase_add_test(tcase, cut_at_every_byte);
    tcase_add_test(tcase, zeros_from_every_byte);
    tcase_add_test(tcase, flip_every_bit);
    tcase_add_test(tcase, unsynced_sectors_lost);
    tcase_add_test(tcase, lost_middle_is_damaged);
    tcase_add_test(tcase, other_places_and_other_stores);
    tcase_add_test(tcase, stale_records_do_not_continue);
    tcase_add_test(tcase, foreign_and_implausible_headers);
    tcase_add_test(tcase, scan_is_bounded);
    tcase_add_test(tcase, verdicts_have_texts);
    suite_add_tcase(suite, tcase);
    return suite;
}
