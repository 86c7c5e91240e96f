/* Writes seeds for fuzz_why to DIR/why/: a lock of each shape, and one that nobody can tell of. */
#include <string.h>

#include "tests/fuzz/seed_files.h"

#define HV2                                                                                        \
    "{\"hold\":\"1.3.5\",\"node\":\"hv2\",\"mode\":\"shared\",\"limit\":0,\"policy\":\"fence\","   \
    "\"token\":17,\"place\":0,\"data\":\"dm0tNw==\"}"
#define HV3                                                                                        \
    "{\"hold\":\"2.1.7\",\"node\":\"hv3\",\"mode\":\"shared\",\"limit\":0,\"policy\":\"hold\","    \
    "\"token\":16,\"place\":0,\"data\":\"\"}"
#define UP      "{\"hold\":\"1.3.5\",\"node\":\"hv2\",\"mode\":\"exclusive\",\"limit\":0,\"place\":1}"
#define COUNTED "{\"hold\":\"0.1.9\",\"node\":\"hv1\",\"mode\":\"counted\",\"limit\":4,\"place\":1}"
#define MEMBERS                                                                                    \
    "\"members\":[{\"name\":\"hv2\",\"gossip\":\"dead\",\"life\":3,\"since_ms\":4000,"             \
    "\"accused_by\":\"hv3\",\"unreachable\":true}]"

static const struct {
    const char *name;
    const char *text;
} seeds[] = {
    {"free", "{\"name\":\"a\",\"lock\":{\"holders\":[],\"converting\":[],\"waiters\":[]}}"},
    {"waits",
     "{\"name\":\"a\",\"lock\":{\"holders\":[" HV2 "," HV3 "],\"waiters\":[" COUNTED
     "],\"mark\":{\"node\":\"hv3\",\"life\":1,\"by\":\"agent\"},\"value\":{\"valid\":false}"
     "}," MEMBERS "}"},
    {"converts",
     "{\"name\":\"a\",\"lock\":{\"holders\":[" HV2 "," HV3 "],\"converting\":[" UP "]}}"},
    {"stale",
     "{\"name\":\"a\",\"lock\":{\"holders\":[" HV2 "],\"waiters\":[" COUNTED
     "],\"stale\":{\"stage\":\"asking\",\"node\":\"hv2\",\"life\":3,\"votes\":2,\"quorum\":3}"
     "}," MEMBERS ",\"orders\":[{\"node\":\"hv2\",\"life\":3,\"opinions\":[{\"juror\":\"hv3\","
     "\"signed\":false,\"text\":\"late\"}]}],\"events\":[{\"kind\":\"opinion\",\"node\":\"hv2\","
     "\"text\":\"no\"}]}"},
    {"unknown", "{\"name\":\"a\",\"refusal\":\"NoMajority\",\"reachable\":1,\"cohort\":3,"
                "\"place\":{\"cohort\":[\"hv1\",\"hv2\"]}," MEMBERS
                ",\"status\":{\"node\":\"hv1\",\"life_counts\":false},\"operations\":[{\"name\":"
                "\"a\",\"state\":\"pending\",\"mode\":\"NL\",\"hold\":\"0.1.9\"}]}"},
};

int main(int argc, char **argv)
{
    seed_begin(argc, argv, "why");
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        seed_file(seeds[i].name, seeds[i].text, strlen(seeds[i].text));
    return EXIT_SUCCESS;
}
