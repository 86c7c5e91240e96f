/* Writes seeds for fuzz_reply to DIR/reply/: one reply of each kind, and a wait with its grant. */
#include "tests/fuzz/seed_files.h"

static const struct {
    const char *name;
    const char *bytes;
    size_t size;
} seeds[] = {
#define SEED(name, text)                                                                           \
    {                                                                                              \
        name, text, sizeof(text)                                                                   \
    }
    SEED("session", "{\"parameters\":{\"session\":\"s\",\"secret\":\"00ff\",\"resumed\":true}}"),
    SEED("grant",
         "{\"parameters\":{\"state\":\"waiting\",\"hold\":\"0.1.7\",\"token\":0,\"place\":1,"
         "\"reason\":\"queued\",\"holders\":[{\"hold\":\"1.1.1\",\"node\":\"hv2\",\"mode\":"
         "\"counted\",\"limit\":4,\"policy\":\"\",\"token\":0,\"place\":0,\"data\":\"Zm9v\"}],"
         "\"reachable\":3,\"cohort\":5,\"unclean\":null,\"stale\":{\"text\":\"hv3\"}},"
         "\"continues\":true}\0"
         "{\"parameters\":{\"state\":\"held\",\"hold\":\"0.1.7\",\"token\":9,\"unclean\":{\"node\":"
         "\"hv3\",\"slot\":2,\"life\":4,\"mode\":\"exclusive\",\"token\":8,\"by\":\"receipt\","
         "\"proof\":\"5f\"},\"value\":{\"bytes\":\"Zg==\",\"token\":7,\"valid\":true}}}"),
    SEED("several",
         "{\"parameters\":{\"state\":\"held\",\"holds\":[{\"hold\":\"1.2.3\",\"token\":9},"
         "{\"hold\":\"1.2.4\",\"token\":5}]}}"),
    SEED("converted", "{\"parameters\":{\"state\":\"held\",\"mode\":\"PW\",\"token\":9}}"),
    SEED("event", "{\"parameters\":{\"event\":{\"kind\":\"lost\",\"hold\":\"0.1.7\",\"name\":\"x\","
                  "\"mode\":\"shared\",\"reason\":\"why\"}},\"continues\":true}"),
    SEED("list", "{\"parameters\":{\"operations\":[{\"hold\":\"0.1.7\",\"name\":\"x\",\"mode\":"
                 "\"CR\",\"state\":\"converting\",\"token\":3,\"session\":\"s\"}]}}"),
    SEED("stamp", "{\"parameters\":{\"stamp\":\"7\",\"token\":4,\"value\":null,\"valid\":true}}"),
    SEED("late",
         "{\"error\":\"org.holdfast.TimedOut\",\"parameters\":{\"reason\":\"queued\","
         "\"place\":2,\"holders\":[{\"node\":\"hv2\",\"mode\":\"shared\"}],\"stale\":null}}"),
    SEED("invalid", "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":"
                    "{\"parameter\":\"pid\"}}"),
    SEED("moved", "{\"error\":\"org.holdfast.TokenMoved\",\"parameters\":{\"token\":3}}"),
    SEED("forgotten", "{\"error\":\"org.holdfast.TokenMoved\",\"parameters\":{\"token\":3,"
                      "\"forgotten\":true}}"),
#undef SEED
};

int main(int argc, char **argv)
{
    seed_begin(argc, argv, "reply");
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        seed_file(seeds[i].name, seeds[i].bytes, seeds[i].size);
    return EXIT_SUCCESS;
}
