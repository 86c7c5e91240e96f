/* What the library makes of the agent's replies, and of bytes as base64. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib_base64.h"
#include "client/lib_reply.h"

Suite *suite_lib_reply(void);

static json_t *parsed; /* of the running test */

static const json_t *json(const char *text)
{
    json_decref(parsed);
    parsed = json_loads(text, 0, NULL);
    ck_assert_msg(parsed, "%s", text);
    return parsed;
}

static void teardown(void)
{
    json_decref(parsed);
    parsed = NULL;
}

/* --- Base64 --- */

START_TEST(base64_is_that_of_rfc_4648)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[LIB_BASE64_SIZE(6)], bytes[6];
        size_t size = strlen(pairs[i][0]);
        lib_base64_encode(text, pairs[i][0], size);
        ck_assert_str_eq(text, pairs[i][1]);
        ck_assert(lib_base64_decode(bytes, sizeof bytes, &size, text));
        ck_assert_uint_eq(size, strlen(pairs[i][0]));
        ck_assert_mem_eq(bytes, pairs[i][0], size);
    }
}
END_TEST

START_TEST(base64_takes_every_byte)
{
    unsigned char bytes[256], back[256];
    char text[LIB_BASE64_SIZE(256)];
    for (size_t size = 0; size <= sizeof bytes; size++) {
        size_t got;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)(255 - i + size);
        lib_base64_encode(text, bytes, size);
        ck_assert_uint_eq(strlen(text) + 1, LIB_BASE64_SIZE(size));
        ck_assert(lib_base64_decode(back, size, &got, text));
        ck_assert_uint_eq(got, size);
        ck_assert_mem_eq(back, bytes, size);
        if (size > 0) /* and not a byte more than there is room for */
            ck_assert(!lib_base64_decode(back, size - 1, &got, text));
    }
}
END_TEST

START_TEST(base64_refuses_what_is_none)
{
    static const char *const bad[] = {"Z",    "Zg",   "Zg=",  "Zg===",     "====",
                                      "=g==", "Z===", "Zm=v", "Zg==Zg==",  "Zm9v\n",
                                      "Zm9*", "Zh==", "Zm9=", "Zm\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char bytes[16];
        size_t size = 7;
        ck_assert_msg(!lib_base64_decode(bytes, sizeof bytes, &size, bad[i]), "%s", bad[i]);
        ck_assert_uint_eq(size, 0);
    }
}
END_TEST

/* --- Modes --- */

START_TEST(modes_have_one_word_each)
{
    for (int mode = HF_EXCLUSIVE; mode <= HF_PW; mode++) {
        const char *text = lib_mode_text((enum hf_mode)mode);
        ck_assert_ptr_nonnull(text);
        ck_assert_int_eq(lib_mode_parse(text), mode);
    }
    ck_assert_ptr_null(lib_mode_text(HF_OTHER));
    ck_assert_ptr_null(lib_mode_text((enum hf_mode) - 1));
    ck_assert_int_eq(lib_mode_parse("PR"), HF_OTHER);
    ck_assert_int_eq(lib_mode_parse(""), HF_OTHER);
}
END_TEST

/* --- Grants --- */

static const char grant_text[] =
    "{\"state\":\"held\",\"hold\":\"1.2.3\",\"token\":9,"
    "\"unclean\":{\"node\":\"hv3\",\"slot\":2,\"life\":4,\"mode\":\"exclusive\",\"token\":8,"
    "\"by\":\"receipt\",\"proof\":\"5f0c\"},"
    "\"value\":{\"bytes\":\"Zm9v\",\"token\":7,\"valid\":true}}";

START_TEST(grant_is_taken_whole)
{
    struct lib_grant grant;
    ck_assert(lib_reply_grant(&grant, json(grant_text)));
    ck_assert_str_eq(grant.id, "1.2.3");
    ck_assert_uint_eq(grant.token, 9);
    ck_assert(grant.unclean && grant.has_value);
    ck_assert_str_eq(grant.mark.node, "hv3");
    ck_assert_uint_eq(grant.mark.slot, 2);
    ck_assert_uint_eq(grant.mark.life, 4);
    ck_assert_int_eq(grant.mark.mode, HF_EXCLUSIVE);
    ck_assert_uint_eq(grant.mark.token, 8);
    ck_assert_str_eq(grant.mark.by, "receipt");
    ck_assert_str_eq(grant.mark.proof, "5f0c");
    ck_assert_uint_eq(grant.value.byte_count, 3);
    ck_assert_mem_eq(grant.value.bytes, "foo", 3);
    ck_assert(grant.value.valid);
    ck_assert_uint_eq(grant.value.token, 7);
}
END_TEST

START_TEST(grants_of_several_are_all_there_or_none)
{
    static const char text[] = "{\"state\":\"held\",\"holds\":[{\"hold\":\"1.2.3\",\"token\":9},"
                               "{\"hold\":\"1.2.4\",\"token\":5}]}";
    struct lib_grant grant;
    ck_assert(lib_reply_grant_of(&grant, json(text), 2, 0));
    ck_assert_str_eq(grant.id, "1.2.3");
    ck_assert(lib_reply_grant_of(&grant, json(text), 2, 1));
    ck_assert_uint_eq(grant.token, 5);
    ck_assert(!lib_reply_grant_of(&grant, json(text), 1, 0));
    ck_assert(!lib_reply_grant_of(&grant, json(text), 3, 0));
    ck_assert(!lib_reply_grant_of(&grant, json("{\"state\":\"held\",\"holds\":[7]}"), 1, 0));
    ck_assert(!lib_reply_grant_of(&grant, json("{\"state\":\"held\"}"), 1, 0));
}
END_TEST

START_TEST(grant_may_be_bare)
{
    struct lib_grant grant;
    ck_assert(lib_reply_grant(&grant, json("{\"state\":\"held\",\"hold\":\"1.2.3\",\"token\":1,"
                                           "\"unclean\":null,\"value\":null,\"later\":[1]}")));
    ck_assert(!grant.unclean && !grant.has_value);
}
END_TEST

START_TEST(what_grants_nothing_is_no_grant)
{
    static const char *const bad[] = {"{}",
                                      "{\"state\":\"waiting\",\"hold\":\"1.2.3\",\"token\":9}",
                                      "{\"state\":\"held\",\"token\":9}",
                                      "{\"state\":\"held\",\"hold\":\"\",\"token\":9}",
                                      "{\"state\":\"held\",\"hold\":7,\"token\":9}",
                                      "{\"state\":\"held\",\"hold\":\"1.2.3\"}",
                                      "{\"state\":\"held\",\"hold\":\"1.2.3\",\"token\":0}",
                                      "{\"state\":\"held\",\"hold\":\"1.2.3\",\"token\":-1}",
                                      "{\"state\":\"held\",\"hold\":\"1.2.3\",\"token\":\"9\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct lib_grant grant;
        ck_assert_msg(!lib_reply_grant(&grant, json(bad[i])), "%s", bad[i]);
    }
}
END_TEST

/* A part of it would be another one's. */
START_TEST(an_id_that_is_too_long_is_none)
{
    struct lib_grant grant;
    ck_assert(!lib_reply_grant(
        &grant, json("{\"state\":\"held\",\"token\":9,\"hold\":"
                     "\"12345678901234567890.12345678901234567890.12345678901234567890.1\"}")));
}
END_TEST

/* --- Waiting --- */

START_TEST(waiting_says_who_and_why)
{
    struct lib_waiting w;
    ck_assert(lib_waiting_init(
        &w, json("{\"state\":\"waiting\",\"hold\":\"0.1.7\",\"place\":2,\"reason\":\"queued\","
                 "\"holders\":[{\"hold\":\"1.1.1\",\"node\":\"hv2\",\"mode\":\"counted\","
                 "\"limit\":4,\"token\":5,\"data\":\"Zm9v\"},{\"node\":\"hv3\",\"mode\":\"XX\"}],"
                 "\"stale\":{\"text\":\"hv3 is being ended\"}}")));
    ck_assert_str_eq(w.id, "0.1.7");
    ck_assert_int_eq(w.told.why, HF_WHY_QUEUED);
    ck_assert_uint_eq(w.told.place, 2);
    ck_assert_uint_eq(w.told.holder_count, 2);
    const struct hf_party *first = w.told.holders[0];
    ck_assert_str_eq(first->node, "hv2");
    ck_assert_str_eq(first->hold, "1.1.1");
    ck_assert_int_eq(first->mode, HF_COUNTED);
    ck_assert_uint_eq(first->limit, 4);
    ck_assert_uint_eq(first->token, 5);
    ck_assert_uint_eq(first->data_size, 3);
    ck_assert_mem_eq(first->data, "foo", 3);
    ck_assert_int_eq(w.told.holders[1]->mode, HF_OTHER);
    ck_assert_str_eq(w.told.stale, "hv3 is being ended");
    ck_assert_str_eq(w.told.text, "place 2 in the queue, held by hv2 (counted 4), hv3 (XX): "
                                  "hv3 is being ended");
    lib_waiting_deinit(&w);
}
END_TEST

START_TEST(waiting_knows_every_reason)
{
    static const struct {
        const char *reply;
        enum hf_why why;
        const char *text;
    } cases[] = {
        {"{\"reason\":\"no-majority\",\"reachable\":1,\"cohort\":3}", HF_WHY_NO_MAJORITY,
         "no majority of the lock's voters answers: 1 of 3"},
        {"{\"reason\":\"standing\"}", HF_WHY_STANDING, "too few jurors acknowledge this node"},
        {"{\"reason\":\"starting\"}", HF_WHY_STARTING, "this node's life does not count yet"},
        {"{\"reason\":\"queued\",\"holders\":[]}", HF_WHY_QUEUED, "held by somebody"},
        {"{\"reason\":\"unknown\"}", HF_WHY_UNKNOWN, "the lock's voters are being asked"},
        {"{\"reason\":\"of a newer agent\"}", HF_WHY_UNKNOWN, "the lock's voters are being asked"},
        {"{}", HF_WHY_UNKNOWN, "the lock's voters are being asked"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lib_waiting w;
        ck_assert(lib_waiting_init(&w, json(cases[i].reply)));
        ck_assert_int_eq(w.told.why, cases[i].why);
        ck_assert_str_eq(w.told.text, cases[i].text);
        lib_waiting_deinit(&w);
    }
}
END_TEST

START_TEST(long_lines_are_cut)
{
    struct lib_waiting w;
    json_t *holders = json_array();
    for (int i = 0; i < 256; i++)
        json_array_append_new(
            holders, json_pack("{s:s, s:s}", "node", "a-node-with-a-long-name", "mode", "shared"));
    parsed = json_pack("{s:s, s:o}", "reason", "queued", "holders", holders);
    ck_assert(lib_waiting_init(&w, parsed));
    ck_assert_uint_eq(w.told.holder_count, 256);
    ck_assert_uint_eq(strlen(w.told.text), LIB_TEXT_SIZE - 1);
    lib_waiting_deinit(&w);
}
END_TEST

/* --- Errors --- */

static enum hf_result result_of(const char *error, const char *text, char detail[LIB_TEXT_SIZE])
{
    struct varlink_reply reply = {0};
    (void)json(text);
    reply.parameters = parsed;
    strcpy(reply.error, error);
    return lib_reply_error(&reply, detail);
}

START_TEST(errors_become_results)
{
    static const struct {
        const char *error;
        const char *parameters;
        enum hf_result result;
        const char *detail;
    } cases[] = {{"org.holdfast.Busy",
                  "{\"holders\":[{\"node\":\"hv2\",\"mode\":\"shared\",\"limit\":0}]}", HF_BUSY,
                  "held by hv2 (shared)"},
                 {"org.holdfast.TimedOut", "{\"reason\":\"no-majority\"}", HF_TIMED_OUT,
                  "no majority of the lock's voters answers"},
                 {"org.holdfast.NoMajority", "{\"reachable\":1,\"cohort\":5}", HF_NO_MAJORITY,
                  "1 of 5 voters answer"},
                 {"org.holdfast.NotPermitted", "{\"reason\":\"no\"}", HF_NOT_PERMITTED, "no"},
                 {"org.holdfast.TokenMoved", "{\"token\":9}", HF_MOVED, "its token is 9 by now"},
                 {"org.holdfast.TokenMoved", "{\"token\":9,\"forgotten\":true}", HF_MOVED,
                  "it was forgotten since, and its token is 9 by now"},
                 {"org.holdfast.TooLong", "{\"what\":\"value\",\"most\":256}", HF_TOO_LONG,
                  "value: at most 256 bytes"},
                 {"org.holdfast.Deadlock", "{\"holders\":[{\"node\":\"hv2\",\"mode\":\"shared\"}]}",
                  HF_DEADLOCK, "it would wait for who waits for it: held by hv2 (shared)"},
                 {"org.holdfast.Unstable", "{\"reason\":\"somebody writes\",\"holders\":[]}",
                  HF_UNSTABLE, "somebody writes"},
                 {"org.holdfast.OtherMark", "{}", HF_OTHER_MARK, ""},
                 {"org.varlink.service.InvalidParameter", "{\"parameter\":\"pid\"}", HF_BAD_OPTION,
                  "the agent does not take this value of 'pid'"},
                 {"org.holdfast.OfANewerAgent", "{}", HF_GARBLED,
                  "the agent said 'org.holdfast.OfANewerAgent'"},
                 {"Busy", "{}", HF_GARBLED, "the agent said 'Busy'"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char detail[LIB_TEXT_SIZE];
        ck_assert_int_eq(result_of(cases[i].error, cases[i].parameters, detail), cases[i].result);
        ck_assert_str_eq(detail, cases[i].detail);
    }
}
END_TEST

START_TEST(every_result_has_its_words)
{
    const char *newer = hf_result_text((enum hf_result)1000);
    for (int i = HF_OK; i <= HF_TOO_MANY; i++) {
        ck_assert_str_ne(hf_result_text((enum hf_result)i), newer);
        for (int j = HF_OK; j < i; j++)
            ck_assert_str_ne(hf_result_text((enum hf_result)i), hf_result_text((enum hf_result)j));
    }
}
END_TEST

/* --- The rest --- */

START_TEST(events_of_no_interest_are_none)
{
    struct lib_event event;
    ck_assert(lib_reply_event(&event, json("{\"event\":{\"kind\":\"lost\",\"hold\":\"0.1.7\","
                                           "\"mode\":\"shared\",\"reason\":\"why\"}}")));
    ck_assert_int_eq(event.kind, HF_EVENT_LOST);
    ck_assert_str_eq(event.id, "0.1.7");
    ck_assert_int_eq(event.mode, HF_SHARED);
    ck_assert_str_eq(event.reason, "why");
    ck_assert(lib_reply_event(&event, json("{\"event\":{\"kind\":\"granted\",\"hold\":\"1\"}}")));
    ck_assert_int_eq(event.kind, LIB_EVENT_NONE);
    ck_assert(lib_reply_event(&event, json("{\"event\":{\"kind\":\"passed\",\"hold\":\"1\"}}")));
    ck_assert_int_eq(event.kind, LIB_EVENT_PASSED);
    ck_assert(!lib_reply_event(&event, json("{}")));
    ck_assert(!lib_reply_event(&event, json("{\"event\":7}")));
}
END_TEST

START_TEST(operations_are_of_one_session)
{
    struct lib_operation op;
    const json_t *ours = json("{\"hold\":\"0.1.7\",\"name\":\"x\",\"session\":\"s\","
                              "\"state\":\"held\",\"mode\":\"PW\",\"token\":3,\"left_ms\":70}");
    ck_assert(lib_reply_operation(&op, ours, "s"));
    ck_assert_int_eq(op.state, LIB_OPERATION_HELD);
    ck_assert_int_eq(op.now.mode, HF_PW);
    ck_assert_uint_eq(op.now.token, 3);
    ck_assert_int_eq(op.left_ms, 70);
    ck_assert_str_eq(op.name, "x");
    ck_assert(!lib_reply_operation(&op, ours, "t"));
    ck_assert(!lib_reply_operation(&op, json("[]"), "s"));
    ck_assert(
        lib_reply_operation(&op, json("{\"hold\":\"1\",\"session\":\"s\",\"left_ms\":-1}"), "s"));
    ck_assert_int_eq(op.state, LIB_OPERATION_ASKED);
    ck_assert_int_eq(op.left_ms, 0);
}
END_TEST

START_TEST(sessions_stamps_and_conversions)
{
    struct lib_session session = {.secret = "kept"};
    struct lib_conversion conversion;
    struct hf_stamp stamp;
    bool valid;
    ck_assert(lib_reply_session(&session, json("{\"session\":\"s\",\"resumed\":true}")));
    ck_assert(session.resumed);
    ck_assert_str_eq(session.secret, "kept");
    ck_assert(lib_reply_session(&session, json("{\"session\":\"s\",\"secret\":\"t\"}")));
    ck_assert_str_eq(session.secret, "t");
    ck_assert(!lib_reply_session(&session, json("{\"session\":\"s\",\"secret\":\"\"}")));
    ck_assert(!lib_reply_session(&session, json("{\"secret\":\"t\"}")));
    ck_assert(lib_reply_conversion(
        &conversion, json("{\"state\":\"held\",\"mode\":\"exclusive\",\"token\":4}")));
    ck_assert_int_eq(conversion.mode, HF_EXCLUSIVE);
    ck_assert(!lib_reply_conversion(&conversion,
                                    json("{\"state\":\"held\",\"mode\":\"XX\",\"token\":4}")));
    ck_assert(lib_reply_stamp(&stamp, json("{\"stamp\":\"7\",\"token\":4,\"value\":null}")));
    ck_assert_str_eq(stamp.stamp, "7");
    ck_assert(!stamp.has_value);
    ck_assert(!lib_reply_stamp(&stamp, json("{\"stamp\":7}")));
    ck_assert(lib_reply_valid(&valid, json("{\"valid\":true}")) && valid);
    ck_assert(!lib_reply_valid(&valid, json("{\"valid\":1}")));
}
END_TEST

Suite *suite_lib_reply(void)
{
    Suite *s = suite_create("lib-reply");
    TCase *t = tcase_create("lib-reply");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, base64_is_that_of_rfc_4648);
    tcase_add_test(t, base64_takes_every_byte);
    tcase_add_test(t, base64_refuses_what_is_none);
    tcase_add_test(t, modes_have_one_word_each);
    tcase_add_test(t, grant_is_taken_whole);
    tcase_add_test(t, grants_of_several_are_all_there_or_none);
    tcase_add_test(t, grant_may_be_bare);
    tcase_add_test(t, what_grants_nothing_is_no_grant);
    tcase_add_test(t, an_id_that_is_too_long_is_none);
    tcase_add_test(t, waiting_says_who_and_why);
    tcase_add_test(t, waiting_knows_every_reason);
    tcase_add_test(t, long_lines_are_cut);
    tcase_add_test(t, errors_become_results);
    tcase_add_test(t, every_result_has_its_words);
    tcase_add_test(t, events_of_no_interest_are_none);
    tcase_add_test(t, operations_are_of_one_session);
    tcase_add_test(t, sessions_stamps_and_conversions);
    suite_add_tcase(s, t);
    return s;
}
