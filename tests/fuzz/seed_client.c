/* Writes seeds for fuzz_client to DIR/client/: a holder of each version, a hold, a cgroup. */
#include <string.h>

#include "node/holder.h"
#include "tests/fuzz/seed_files.h"

static void seed_holder(const char *name, uint64_t cgroup)
{
    struct holder h = {.uid = 107,
                       .count = 2,
                       .processes = {{.pid = 4711, .start = 99, .leads = true, .cgroup = cgroup},
                                     {.pid = 12, .start = 3}}};
    uint8_t bytes[1 + HOLDER_BYTES_MAX] = {0};
    seed_file(name, bytes, 1 + holder_encode(bytes + 1, &h));
}

int main(int argc, char **argv)
{
    static const char hold[] = "\x01"
                               "3.4.131076",
                      cgroup[] = "\x02"
                                 "1:cpu:/a\n0::/lock.slice/b\n";
    seed_begin(argc, argv, "client");
    seed_holder("plain", 0);
    seed_holder("cgroup", 4242);
    seed_file("hold", hold, sizeof hold - 1);
    seed_file("path", cgroup, sizeof cgroup - 1);
    return EXIT_SUCCESS;
}
