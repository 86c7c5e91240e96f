/* Writes seeds for fuzz_members to DIR/members/: a list with each verdict, and an empty one. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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
    char path[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: seed_members DIR\n");
        return 64;
    }
    snprintf(path, sizeof path, "%s/members", argv[1]);
    mkdir(path, 0777);
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        snprintf(path, sizeof path, "%s/members/%s", argv[1], seeds[i].name);
        FILE *f = fopen(path, "wb");
        if (!f || fputs(seeds[i].text, f) < 0 || fclose(f) != 0) {
            perror(path);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
