/* The journal: records are numbered without a gap, and nothing is lost when a turn writes too much.
 */
#include <check.h>

#include "proto/journal.h"

Suite *suite_journal(void);

enum { ROOM = 1000 };

static struct journal journal;
static uint8_t memory[ROOM];

static void set_up(void)
{
    journal_init(&journal, memory, sizeof memory);
    journal.store = (struct store_id){{1, 2, 3}};
    journal.lsn = journal.durable = 9;
}

static uint64_t append(uint64_t reserved, bool sync)
{
    struct record record = {.kind = RECORD_OPS, .ops = {.reserved = reserved}};
    return journal_append(&journal, &record, sync);
}

/* Reads what the driver would take over, behind a header of that store; the number of records. */
static size_t read_back(uint64_t first_lsn, uint64_t first_reserved)
{
    static uint8_t log[VOTELOG_HEADER_SIZE + ROOM];
    struct votelog_header header = {
        .store = journal.store, .slot = 1, .first_lsn = first_lsn, .base_lsn = first_lsn - 1};
    votelog_header_encode(log, &header);
    memcpy(log + VOTELOG_HEADER_SIZE, journal.bytes, journal.size);
    struct votelog_reader reader;
    struct votelog_record entry;
    ck_assert_int_eq(votelog_open(&reader, log, VOTELOG_HEADER_SIZE + journal.size),
                     VOTELOG_RECORD);
    size_t count = 0;
    while (votelog_next(&reader, &entry) == VOTELOG_RECORD) {
        struct record record;
        ck_assert(record_decode(&record, entry.payload));
        ck_assert_uint_eq(entry.lsn, first_lsn + count);
        ck_assert_uint_eq(record.ops.reserved, first_reserved + count);
        count++;
    }
    ck_assert_int_eq(reader.ended, VOTELOG_END);
    return count;
}

START_TEST(records_are_numbered_without_a_gap)
{
    ck_assert_uint_eq(append(100, false), 10);
    ck_assert_uint_eq(append(101, false), 11);
    ck_assert(!journal.sync_wanted);
    ck_assert_uint_eq(append(102, true), 12);
    ck_assert(journal.sync_wanted);
    ck_assert_uint_eq(append(103, false), 13);
    ck_assert(journal.sync_wanted);
    ck_assert_uint_eq(read_back(10, 100), 4);
    ck_assert(!journal.segment_wanted);
}
END_TEST

START_TEST(a_turn_begins_empty)
{
    append(100, true);
    journal_taken(&journal);
    ck_assert_uint_eq(journal.size, 0);
    ck_assert(!journal.sync_wanted);
    ck_assert_uint_eq(append(101, false), 11);
    ck_assert_uint_eq(read_back(11, 101), 1);
}
END_TEST

/* What does not fit makes a new segment wanted, which holds the whole state anyway; numbers go on.
 */
START_TEST(too_much_makes_a_segment_wanted)
{
    uint64_t lsn = 9;
    while (!journal.segment_wanted) {
        ck_assert_uint_eq(append(100 + lsn, true), lsn + 1);
        lsn++;
    }
    size_t size = journal.size;
    ck_assert_uint_le(size, ROOM);
    ck_assert_uint_eq(append(7, true), ++lsn);
    ck_assert_uint_eq(journal.size, size);
    ck_assert(journal.sync_wanted);
    journal_taken(&journal);
    ck_assert(!journal.segment_wanted);
    ck_assert_uint_eq(append(100, true), lsn + 1);
    ck_assert_uint_eq(read_back(lsn + 1, 100), 1);
}
END_TEST

START_TEST(records_say_how_far_the_log_was_durable)
{
    append(100, true);
    journal.durable = 10;
    append(101, true);
    struct reader r = reader_init(journal.bytes, journal.size);
    ck_assert_uint_eq(read_u64(&r), 10);
    ck_assert_uint_eq(read_u64(&r), 9);
    read_view(&r, read_u32(&r));
    read_u64(&r);
    ck_assert_uint_eq(read_u64(&r), 11);
    ck_assert_uint_eq(read_u64(&r), 10);
}
END_TEST

Suite *suite_journal(void)
{
    Suite *suite = suite_create("journal");
    TCase *tcase = tcase_create("turns");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, records_are_numbered_without_a_gap);
    tcase_add_test(tcase, a_turn_begins_empty);
    tcase_add_test(tcase, too_much_makes_a_segment_wanted);
    tcase_add_test(tcase, records_say_how_far_the_log_was_durable);
    suite_add_tcase(suite, tcase);
    return suite;
}
