/* Writes seeds for fuzz_frame to DIR/frame/: one call of each shape, and two in a row. */
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
    SEED("info", "{\"method\":\"org.varlink.service.GetInfo\"}"),
    SEED("describe", "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                     "\"parameters\":{\"interface\":\"org.holdfast\"}}"),
    SEED("acquire",
         "{\"method\":\"org.holdfast.Acquire\",\"parameters\":{\"name\":\"image/\\u00e9\","
         "\"mode\":\"shared\",\"try\":true,\"timeout_ms\":1500,\"stale\":\"hold\",\"pid\":42},"
         "\"more\":true}"),
    SEED("all", "{\"method\":\"org.holdfast.AcquireAll\",\"parameters\":{\"names\":[\"disk/b\","
                "\"disk/a\"],\"name\":\"\",\"try\":false}}"),
    SEED("release", "{\"method\":\"org.holdfast.Release\",\"parameters\":{\"hold\":\"0.1.7\"},"
                    "\"oneway\":true}"),
    SEED("nulls",
         "{\"method\":\"org.holdfast.Acquire\",\"parameters\":{\"name\":\"x\",\"pid\":null}}"),
    SEED("unknown",
         "{\"method\":\"a.b\",\"parameters\":{\"z\":[1,2.5,{\"y\":null}]},\"upgrade\":true}"),
    SEED("two", "{\"method\":\"org.holdfast.List\"}\0{\"method\":\"org.holdfast.Members\"}"),
    SEED("empty", ""),
#undef SEED
};

int main(int argc, char **argv)
{
    seed_begin(argc, argv, "frame");
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        seed_file(seeds[i].name, seeds[i].bytes, seeds[i].size);
    return EXIT_SUCCESS;
}
