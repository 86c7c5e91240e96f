/* Packets between a lab's command and its machines. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/lab_wire.h"

Suite *suite_lab_wire(void);

static int ends[2];

static void setup(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void teardown(void)
{
    close(ends[0]);
    close(ends[1]);
}

START_TEST(strings_and_descriptors_arrive)
{
    char *strings[] = {"spawn", "", "a b\nc", NULL};
    struct lab_wire packet;
    struct stat sent, got;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int fds[LAB_WIRE_FDS] = {null, null, null};
    ck_assert(lab_wire_send(ends[0], strings, fds));
    ck_assert(lab_wire_receive(ends[1], &packet));
    ck_assert_uint_eq(packet.count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(packet.strings[i], strings[i]);
    ck_assert_ptr_null(packet.strings[3]);
    ck_assert_int_eq(fstat(null, &sent), 0);
    for (size_t i = 0; i < LAB_WIRE_FDS; i++) {
        ck_assert_int_eq(fstat(packet.fds[i], &got), 0);
        ck_assert(got.st_rdev == sent.st_rdev);
        ck_assert(fcntl(packet.fds[i], F_GETFD) & FD_CLOEXEC);
    }
    lab_wire_free(&packet);
    close(null);
}
END_TEST

START_TEST(packets_stay_apart)
{
    struct lab_wire packet;
    ck_assert(lab_wire_say(ends[0], "error", "text", "1"));
    ck_assert(lab_wire_say(ends[0], "ok", NULL, NULL));
    ck_assert(lab_wire_receive(ends[1], &packet));
    ck_assert_uint_eq(packet.count, 3);
    lab_wire_free(&packet);
    ck_assert(lab_wire_receive(ends[1], &packet));
    ck_assert_uint_eq(packet.count, 1);
    ck_assert_int_eq(packet.fds[0], -1);
    lab_wire_free(&packet);
    shutdown(ends[0], SHUT_RDWR);
    ck_assert(!lab_wire_receive(ends[1], &packet));
}
END_TEST

START_TEST(bounds_hold)
{
    struct lab_wire packet;
    char *large = calloc(1, LAB_WIRE_MAX + 1);
    ck_assert_ptr_nonnull(large);
    memset(large, 'x', LAB_WIRE_MAX);
    ck_assert(!lab_wire_say(ends[0], large, NULL, NULL));
    ck_assert_int_eq(errno, EMSGSIZE);
    large[LAB_WIRE_MAX - 1] = '\0';
    ck_assert(lab_wire_say(ends[0], large, NULL, NULL));
    ck_assert(lab_wire_receive(ends[1], &packet));
    ck_assert_str_eq(packet.strings[0], large);
    lab_wire_free(&packet);
    free(large);
}
END_TEST

START_TEST(text_without_end_is_refused)
{
    struct lab_wire packet;
    ck_assert_int_eq(send(ends[0], "state", 5, 0), 5);
    ck_assert(!lab_wire_receive(ends[1], &packet));
    ck_assert_ptr_null(packet.strings);
}
END_TEST

Suite *suite_lab_wire(void)
{
    Suite *s = suite_create("lab-wire");
    TCase *t = tcase_create("lab-wire");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, strings_and_descriptors_arrive);
    tcase_add_test(t, packets_stay_apart);
    tcase_add_test(t, bounds_hold);
    tcase_add_test(t, text_without_end_is_refused);
    suite_add_tcase(s, t);
    return s;
}
