/* Byte cursors: bounds, latching, byte order, and that nothing is written or read past a failure.
 */
#include "crypto/bytes.h"

#include <check.h>
#include <string.h>

Suite *suite_bytes(void);

START_TEST(writes_little_endian_and_reads_back)
{
    uint8_t buffer[15];
    struct writer w = writer_init(buffer, sizeof buffer);
    write_u8(&w, 0x01);
    write_u16(&w, 0x0203);
    write_u32(&w, 0x04050607);
    write_u64(&w, 0x08090a0b0c0d0e0f);
    static const uint8_t expected[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                                       0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08};
    ck_assert(!w.failed);
    ck_assert_uint_eq(writer_size(&w), sizeof expected);
    ck_assert_uint_eq(writer_left(&w), 0);
    ck_assert_mem_eq(buffer, expected, sizeof expected);

    struct reader r = reader_init(buffer, sizeof buffer);
    ck_assert_uint_eq(read_u8(&r), 0x01);
    ck_assert_uint_eq(read_u16(&r), 0x0203);
    ck_assert_uint_eq(read_u32(&r), 0x04050607);
    ck_assert(!reader_done(&r));
    ck_assert_uint_eq(reader_left(&r), 8);
    ck_assert_uint_eq(read_u64(&r), 0x08090a0b0c0d0e0f);
    ck_assert(reader_done(&r));
}
END_TEST

START_TEST(extremes_survive)
{
    uint8_t buffer[14];
    struct writer w = writer_init(buffer, sizeof buffer);
    write_u16(&w, UINT16_MAX);
    write_u32(&w, UINT32_MAX);
    write_u64(&w, UINT64_MAX);
    struct reader r = reader_init(buffer, sizeof buffer);
    ck_assert_uint_eq(read_u16(&r), UINT16_MAX);
    ck_assert_uint_eq(read_u32(&r), UINT32_MAX);
    ck_assert_uint_eq(read_u64(&r), UINT64_MAX);
    ck_assert(reader_done(&r));
}
END_TEST

/* A value that is short by any number of bytes reads as zero, and so does all that follows. */
START_TEST(a_short_read_latches)
{
    static const uint8_t buffer[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct reader r = reader_init(buffer, (size_t)_i);
    ck_assert_uint_eq(read_u64(&r), 0);
    ck_assert(r.failed);
    ck_assert_uint_eq(reader_left(&r), 0);
    ck_assert_uint_eq(read_u8(&r), 0);
    ck_assert_ptr_null(read_view(&r, 0));
    ck_assert(!read_flag(&r));
    ck_assert(!reader_done(&r));
}
END_TEST

START_TEST(a_failed_copy_gives_zeros)
{
    static const uint8_t buffer[3] = {1, 2, 3};
    uint8_t out[4] = {9, 9, 9, 9};
    static const uint8_t zeros[4];
    struct reader r = reader_init(buffer, sizeof buffer);
    read_copy(&r, out, sizeof out);
    ck_assert(r.failed);
    ck_assert_mem_eq(out, zeros, sizeof out);
}
END_TEST

START_TEST(trailing_bytes_are_not_done)
{
    static const uint8_t buffer[2] = {1, 2};
    struct reader r = reader_init(buffer, sizeof buffer);
    read_u8(&r);
    ck_assert(!reader_done(&r));
    read_u8(&r);
    ck_assert(reader_done(&r));
    reader_fail(&r);
    ck_assert(!reader_done(&r));
}
END_TEST

START_TEST(a_flag_is_zero_or_one)
{
    uint8_t byte = (uint8_t)_i;
    struct reader r = reader_init(&byte, 1);
    bool flag = read_flag(&r);
    ck_assert_int_eq(reader_done(&r), byte <= 1);
    ck_assert_int_eq(flag, byte == 1);
}
END_TEST

START_TEST(a_view_points_into_the_buffer)
{
    static const uint8_t buffer[4] = {1, 2, 3, 4};
    struct reader r = reader_init(buffer, sizeof buffer);
    read_u8(&r);
    ck_assert_ptr_eq(read_view(&r, 3), buffer + 1);
    ck_assert(reader_done(&r));
    ck_assert_ptr_nonnull(read_view(&r, 0));
    ck_assert_ptr_null(read_view(&r, 1));
    ck_assert(r.failed);
}
END_TEST

START_TEST(an_absurd_size_does_not_wrap)
{
    uint8_t buffer[4] = {0};
    struct reader r = reader_init(buffer, sizeof buffer);
    ck_assert_ptr_null(read_view(&r, SIZE_MAX));
    struct writer w = writer_init(buffer, sizeof buffer);
    write_copy(&w, buffer, SIZE_MAX);
    ck_assert(w.failed);
}
END_TEST

/* Nothing of a value that does not fit is written, nor anything after it. */
START_TEST(a_full_writer_latches)
{
    uint8_t buffer[8];
    memset(buffer, 0xee, sizeof buffer);
    struct writer w = writer_init(buffer, (size_t)_i);
    write_u64(&w, 0);
    ck_assert(w.failed);
    write_u8(&w, 0);
    write_copy(&w, "x", 1);
    ck_assert_uint_eq(writer_size(&w), 0);
    ck_assert_uint_eq(writer_left(&w), 0);
    for (size_t i = 0; i < sizeof buffer; i++)
        ck_assert_uint_eq(buffer[i], 0xee);
}
END_TEST

START_TEST(nothing_is_a_buffer_too)
{
    struct reader r = reader_init(NULL, 0);
    ck_assert(reader_done(&r));
    read_copy(&r, NULL, 0);
    ck_assert(reader_done(&r));
    struct writer w = writer_init(NULL, 0);
    write_copy(&w, NULL, 0);
    ck_assert(!w.failed);
    write_u8(&w, 1);
    ck_assert(w.failed);
}
END_TEST

Suite *suite_bytes(void)
{
    Suite *suite = suite_create("bytes");
    TCase *tc = tcase_create("cursors");
    tcase_add_test(tc, writes_little_endian_and_reads_back);
    tcase_add_test(tc, extremes_survive);
    tcase_add_loop_test(tc, a_short_read_latches, 0, 8);
    tcase_add_test(tc, a_failed_copy_gives_zeros);
    tcase_add_test(tc, trailing_bytes_are_not_done);
    tcase_add_loop_test(tc, a_flag_is_zero_or_one, 0, 256);
    tcase_add_test(tc, a_view_points_into_the_buffer);
    tcase_add_test(tc, an_absurd_size_does_not_wrap);
    tcase_add_loop_test(tc, a_full_writer_latches, 0, 8);
    tcase_add_test(tc, nothing_is_a_buffer_too);
    suite_add_tcase(suite, tc);
    return suite;
}
