/* Why a member's state changed: see reason.h. */
#include "proto/reason.h"

#include "proto/must.h"

enum change_reason change_reason(const struct swim_change *change, uint16_t self)
{
    switch (change->after) {
    case MEMBER_SUSPECT:
        return change->by == self ? REASON_PROBE : REASON_HEARSAY;
    case MEMBER_DEAD:
        return change->by == self ? REASON_UNREFUTED : REASON_TOLD_DEAD;
    case MEMBER_LEFT:
        return REASON_LEFT;
    case MEMBER_ALIVE:
    case MEMBER_UNKNOWN:
        break;
    }
    if (change->before == MEMBER_UNKNOWN)
        return REASON_FIRST_WORD;
    if (change->new_life)
        return REASON_NEW_LIFE;
    return change->before == MEMBER_LEFT ? REASON_CAME_BACK : REASON_REFUTED;
}

const char *change_reason_text(enum change_reason reason)
{
    static const char *const texts[REASONS] = {
        [REASON_FIRST_WORD] = "first-word",
        [REASON_PROBE] = "probe",
        [REASON_HEARSAY] = "hearsay",
        [REASON_UNREFUTED] = "unrefuted",
        [REASON_TOLD_DEAD] = "told-dead",
        [REASON_REFUTED] = "refuted",
        [REASON_NEW_LIFE] = "new-life",
        [REASON_CAME_BACK] = "came-back",
        [REASON_LEFT] = "left",
    };
    must(reason < REASONS);
    return texts[reason];
}
