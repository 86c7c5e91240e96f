/* The list of members, over arbitrary JSON: whatever an agent says, there is a list of no more than
 * it named, a line, and no verdict without a why. */
#include <stdint.h>
#include <stdio.h>

#include "client/member_list.h"
#include "proto/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_member(const json_t *member)
{
    const char *verdict, *why;
    size_t count = 0;
    while (member_list_why(member, count, &verdict, &why)) {
        must(verdict && why);
        count++;
    }
    must(count <= 3);
    must(count > 0 || member_trouble(member) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char pattern[] = "hv[1-4]*";
    static char *patterns[] = {pattern};
    const struct member_filter all = {0}, some = {.patterns = patterns, .count = 1};
    char summary[MEMBER_SUMMARY_MAX];
    const json_t *member;
    size_t index;
    json_object_seed(1); /* the same input takes the same way each time */
    json_t *members = json_loadb((const char *)data, size, 0, NULL);
    if (!members)
        return 0;
    json_t *list = member_list_pick(members, &all, true);
    json_t *few = member_list_pick(members, &some, false);
    must(json_array_size(list) == json_array_size(members));
    must((json_array_size(few) == 0) == (member_filter_missing(&some, members) != NULL));
    member_list_summary(summary, list, "hv1");
    json_array_foreach(list, index, member) check_member(member);
    json_decref(few);
    json_decref(list);
    json_decref(members);
    return 0;
}
