/* The fence log's steps: each has one form, and nothing but that is taken. */
#include <check.h>

#include "tests/unit/step_sample.h"

Suite *suite_fence_step(void);

START_TEST(test_each_kind_comes_back)
{
    uint8_t bytes[FENCE_STEP_BYTES_MAX], again[FENCE_STEP_BYTES_MAX];
    struct fence_step step = step_sample((enum fence_step_kind)_i), out;
    struct writer w = writer_init(bytes, sizeof bytes), v = writer_init(again, sizeof again);
    fence_step_encode(&w, &step);
    ck_assert(!w.failed);
    size_t size = writer_size(&w);
    ck_assert(fence_step_decode(&out, (struct view){bytes, size}));
    ck_assert_int_eq(out.kind, _i);
    ck_assert_uint_eq(out.about.slot, step.about.slot);
    ck_assert_uint_eq(out.about.life, step.about.life);
    fence_step_encode(&v, &out);
    ck_assert_uint_eq(writer_size(&v), size);
    ck_assert_mem_eq(again, bytes, size);
    for (size_t cut = 0; cut < size; cut++)
        ck_assert(!fence_step_decode(&out, (struct view){bytes, cut}));
    bytes[size] = 0;
    ck_assert(!fence_step_decode(&out, (struct view){bytes, size + 1}));
    ck_assert_uint_gt(strlen(fence_step_word((enum fence_step_kind)_i)), 0);
}
END_TEST

START_TEST(test_no_other_kind_is_taken)
{
    uint8_t bytes[64] = {0};
    struct fence_step out;
    ck_assert(!fence_step_decode(&out, (struct view){bytes, sizeof bytes}));
    bytes[0] = FENCE_STEP_KINDS_END;
    ck_assert(!fence_step_decode(&out, (struct view){bytes, sizeof bytes}));
    ck_assert(!fence_step_decode(&out, (struct view){bytes, 0}));
    ck_assert_str_eq(fence_step_word(FENCE_STEP_NONE), "none");
}
END_TEST

START_TEST(test_a_text_that_is_too_long_is_none)
{
    static uint8_t text[FENCE_STEP_BYTES_MAX], bytes[2 * FENCE_STEP_BYTES_MAX];
    struct fence_step step = {.kind = FENCE_STEP_NOTE, .note.text = {text, sizeof text}};
    struct writer w = writer_init(bytes, sizeof bytes);
    fence_step_encode(&w, &step);
    ck_assert(w.failed);
    step.note.text.size = FENCE_STEP_TEXT_MAX;
    w = writer_init(bytes, sizeof bytes);
    fence_step_encode(&w, &step);
    ck_assert(!w.failed);
}
END_TEST

START_TEST(test_a_list_comes_back_in_its_order)
{
    uint8_t bytes[4096];
    struct writer w = writer_init(bytes, sizeof bytes);
    for (int kind = FENCE_STEP_NONE + 1; kind < FENCE_STEP_KINDS_END; kind++) {
        struct fence_step step = step_sample((enum fence_step_kind)kind);
        fence_steps_put(&w, &step);
    }
    ck_assert(!w.failed);
    struct view list = {bytes, writer_size(&w)}, one;
    struct fence_step out;
    for (int kind = FENCE_STEP_NONE + 1; kind < FENCE_STEP_KINDS_END; kind++) {
        ck_assert(fence_steps_next(&list, &one));
        ck_assert(fence_step_decode(&out, one));
        ck_assert_int_eq(out.kind, kind);
    }
    ck_assert(!fence_steps_next(&list, &one));
    list = (struct view){bytes, writer_size(&w) - 1}; /* cut: the last one is not given */
    int count = 0;
    while (fence_steps_next(&list, &one))
        count++;
    ck_assert_int_eq(count, FENCE_STEP_KINDS_END - 2);
}
END_TEST

Suite *suite_fence_step(void)
{
    Suite *suite = suite_create("fence_step");
    TCase *tests = tcase_create("fence_step");
    tcase_add_loop_test(tests, test_each_kind_comes_back, FENCE_STEP_NONE + 1,
                        FENCE_STEP_KINDS_END);
    tcase_add_test(tests, test_no_other_kind_is_taken);
    tcase_add_test(tests, test_a_text_that_is_too_long_is_none);
    tcase_add_test(tests, test_a_list_comes_back_in_its_order);
    suite_add_tcase(suite, tests);
    return suite;
}
