/* The words of fencing: see fence.h. */
#include "proto/fence.h"

#include "proto/must.h"

const char *opinion_text(enum opinion opinion)
{
    switch (opinion) {
    case OPINION_VOTES:
        return "voted: by its own evidence that life is gone (F2)";
    case OPINION_LOOKING:
        return "its own probes are under way (F2b)";
    case OPINION_RENEWED:
        return "that life renewed with it less than V ago, 1.16 times the detection target (F2a)";
    case OPINION_NOT_DEAD:
        return "its own view does not hold that life dead (F2b)";
    case OPINION_ANSWERS:
        return "a probe of its own was answered (F2b)";
    case OPINION_CUT_OFF:
        return "its own renewals were not acknowledged by a majority of the jurors (F2c)";
    case OPINION_FEW_ALIVE:
        return "it does not see a majority of the roster alive (F2c)";
    case OPINION_LATE:
        return "its own loop was late meanwhile (F2d)";
    case OPINION_NO_STAKE:
        return "the accuser is no voter of the lock that it names (F2e)";
    case OPINION_OVER:
        return "that life is proven over (F3)";
    case OPINION_BOUND:
        return "its own life is under a vote or an order, so it signs nothing (F3)";
    case OPINION_FROZEN:
        return "votes are frozen by an administrator's word (F8)";
    case OPINION_FULL:
        return "it keeps as many votes about sessions as it can";
    case OPINIONS:
        break;
    }
    must(false);
}

const char *fence_stage_text(enum fence_stage stage)
{
    switch (stage) {
    case FENCE_NONE:
        return "none";
    case FENCE_HOLD:
        return "hold";
    case FENCE_EXPIRES:
        return "expires";
    case FENCE_ASKING:
        return "asking";
    case FENCE_ORDERED:
        return "ordered";
    case FENCE_NO_ACTION:
        return "no-action";
    case FENCE_RUNNING:
        return "running";
    case FENCE_FAILED:
        return "failed";
    case FENCE_OVER:
        return "over";
    case FENCE_WATCHDOG:
        return "watchdog";
    }
    must(false);
}
