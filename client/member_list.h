/*
 * The members as people want them: those in trouble first, each verdict of M3 in a column of its
 * own, and below the table why each bad one is so. Made out of the API's type Member.
 */
#ifndef CLIENT_MEMBER_LIST_H
#define CLIENT_MEMBER_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Names, or patterns in the manner of a shell ("hv1*"); none: every name. */
struct member_filter {
    char *const *patterns;
    size_t count;
};

bool member_filter_passes(const struct member_filter *filter, const char *name);
/* The first pattern that no member has; NULL if there is none. */
const char *member_filter_missing(const struct member_filter *filter, const json_t *members);

/* How bad it is, 0 for all well; the present life is under an order or fenced, dead, suspect,
 * unreachable, unknown, left, in falling order. */
int member_trouble(const json_t *member);
/* Whether the fence verdict is about the present life, not one before. */
bool member_fence_present(const json_t *member);

/* A new array of those that pass: by slot, or the worst first and then by slot. */
json_t *member_list_pick(const json_t *members, const struct member_filter *filter,
                         bool worst_first);

/* "hv1 sees 5 members: 4 alive, 1 dead; it does not reach 1". */
enum { MEMBER_SUMMARY_MAX = 320 };
void member_list_summary(char text[MEMBER_SUMMARY_MAX], const json_t *list, const char *node);
/* "hv1 itself is slow, ..." of the reply of Members; "" if it is well. */
void member_list_health(char text[MEMBER_SUMMARY_MAX], const json_t *reply);

/* One line for each bad verdict about a member: "gossip", "reach", "fence", with its why. `index`
 * counts from 0; false when there are no more. */
bool member_list_why(const json_t *member, size_t index, const char **verdict, const char **why);

/* Prints the table, and why; at most `most` members (0: all), and how many were left out. */
void member_list_print(const json_t *list, const char *node, bool color, size_t most);

#endif
