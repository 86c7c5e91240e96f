/* Writes seeds for fuzz_members to DIR/members/: a list with each verdict, and an empty one. */
#include <string.h>

#include "tests/fuzz/seed_files.h"

static const struct {
    const char *name;
    const char *text;
} seeds[] = {
    {"each", "[{\"slot\":0,\"name\":\"hv1\",\"gossip\":\"alive\",\"life\":1,\"fence\":\"none\"},"
             "{\"slot\":1,\"name\":\"hv2\",\"gossip\":\"suspect\",\"gossip_why\":\"probe\"},"
             "{\"slot\":2,\"name\":\"hv3\",\"gossip\":\"dead\",\"life\":3,\"unreachable\":true,"
             "\"reach_why\":\"silent\",\"fence\":\"fenced\",\"fence_life\":3,\"fence_why\":\"x\"},"
             "{\"slot\":3,\"name\":\"hv4\",\"gossip\":\"left\",\"heard_ms\":-1},"
             "{\"slot\":4,\"name\":\"hv5\",\"gossip\":\"unknown\",\"rtt_us\":12345}]"},
    {"empty", "[]"},
};

int main(int argc, char **argv)
{
    seed_begin(argc, argv, "members");
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        seed_file(seeds[i].name, seeds[i].text, strlen(seeds[i].text));
    return EXIT_SUCCESS;
}
