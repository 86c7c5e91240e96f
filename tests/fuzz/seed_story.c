/* Writes seeds for fuzz_story to DIR/story/: each kind of line, in a few files. */
#include <string.h>

#include "tests/fuzz/seed_files.h"

static const struct {
    const char *name;
    const char *text;
} seeds[] = {
    {"world", "# a title\nnodes hv1..hv5\nracks a: hv1 hv2, b: hv3\ndetect 4s\ncohort 5\nshards 8\n"
              "workload 2 clients on a, names i/1..i/4, hold 1s..3s, think 100ms..1s, 30% shared, "
              "stale fence\nnetwork delay 1ms..3ms, loss 1%, duplicates 1%, late 1% up to 4s\n"
              "disk sync 1ms..5ms\nbrake 10min\non_isolation stop\nseed 7\nuntil 90s\n"},
    {"network",
     "at 1s cut hv1 from the rest for 10s\nat 2s cut hv1 -> hv2\nat 3s isolate hv2 and hv3\n"
     "at 4s flap hv4 every 2s for 30s\nat 5s bridge hv3 for 5s\nat 6s loss 20% at hv2 for "
     "10s\nat 7s delay 200ms hv1 - hv3\nat 8s heal\n"},
    {"machines",
     "at 1s kill agent hv2\nat 2s start agent hv2\nat 3s restart agent hv1\nat 4s stop "
     "agent hv1 for 1s\nat 5s power off all for 9s\nat 6s power on hv2\nat 7s pause hv4 "
     "8s\nat 8s freeze hv4 8s\nat 9s disk of hv1 slow 500ms for 10s\nat 9s disk of hv1 "
     "fails\nat 9s store of hv2 lost\nat 9s fence device of hv3 slow 5s\n"},
    {"locks",
     "at 1s hv3 locks image/x exclusive stale hold\nat 2s hv1 waits for image/x\nat 3s hv3 "
     "releases image/x\nvariant: at 4s fault FLAP of hv1 from hv2 outward for 2s dice 9\n"},
    {"expects",
     "at 1s expect no fence\nexpect fence of hv3 within 20s\nexpect lock x passes within "
     "15s\nexpect x held by hv1 at 40s\nexpect x stays until 9s\nexpect never two holders of "
     "x\nexpect all votes again within 30s\nexpect grants >= 100\nexpect p99 of waiting <= "
     "2s\nexpect all see hv3 dead within 20s\nexpect S1 broken\n"},
    {"drawn",
     "seed 3\ndrawn served 4\ndrawn hold.low.ns 5\ndrawn devices[DEVICE_LIES] 3\nuntil 10s\n"
     "calm at 20s\nsiege\n"},
};

int main(int argc, char **argv)
{
    seed_begin(argc, argv, "story");
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        seed_file(seeds[i].name, seeds[i].text, strlen(seeds[i].text));
    return EXIT_SUCCESS;
}
