/* What the results of libholdfast say, and what is kept of the last failure of each thread. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/lib.h"

/* Two lines of the agent's fit: its own, and what we say before it. */
static _Thread_local char detail[2 * LIB_TEXT_SIZE];

const char *hf_result_text(enum hf_result result)
{
    switch (result) {
    case HF_OK:
        return "all is well";
    case HF_BUSY:
        return "the lock is held";
    case HF_TIMED_OUT:
        return "not in time";
    case HF_NO_MAJORITY:
        return "no majority of the lock's voters answers";
    case HF_UNREACHABLE:
        return "no agent answers";
    case HF_NOT_PERMITTED:
        return "not permitted";
    case HF_BAD_NAME:
        return "this is not a name for a lock";
    case HF_BAD_MODE:
        return "this is not a mode of locks";
    case HF_BAD_LIMIT:
        return "this is not a limit of a counted lock";
    case HF_BAD_OPTION:
        return "an argument is wrong";
    case HF_QUEUE_FULL:
        return "too many wait";
    case HF_NOT_READY:
        return "the agent is not ready";
    case HF_LOG_FAILED:
        return "the agent's log failed";
    case HF_LOST:
        return "the lock was lost";
    case HF_AT_RISK:
        return "the lock is at risk";
    case HF_UNKNOWN:
        return "not known, since the agent was away";
    case HF_CANCELLED:
        return "cancelled";
    case HF_FORKED:
        return "the connection is of another process";
    case HF_NO_MEMORY:
        return "out of memory, descriptors or threads";
    case HF_GARBLED:
        return "what answers is not understood";
    case HF_MOVED:
        return "the lock was granted to somebody since";
    case HF_UNSTABLE:
        return "somebody may be writing, or have written half";
    case HF_TOO_LONG:
        return "too many bytes";
    case HF_NOT_WRITER:
        return "the hold's mode does not write";
    case HF_DEADLOCK:
        return "it would wait for who waits for it";
    case HF_OTHER_MARK:
        return "the lock has another mark, or none";
    case HF_NO_SUCH_WAITER:
        return "nobody waits under this id";
    case HF_CHANGING:
        return "an earlier change of this hold has no answer yet";
    case HF_TOO_MANY:
        return "too many names";
    }
    return "a result of a newer library";
}

const char *hf_error_detail(void)
{
    return detail;
}

enum hf_result lib_fail(enum hf_result result, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(detail, sizeof detail, format, list);
    va_end(list);
    return result;
}

enum hf_result lib_fail_reply(const struct varlink_reply *reply)
{
    char text[LIB_TEXT_SIZE];
    enum hf_result result = lib_reply_error(reply, text);
    return lib_fail(result, "%s", text);
}

enum hf_result lib_fail_status(const struct hf *hf, enum varlink_status status)
{
    const char *text = varlink_status_text(status);
    bool full = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
    switch (status) {
    case VARLINK_UNREACHABLE:
        if (full)
            return lib_fail(HF_NO_MEMORY, "%s", strerror(errno));
        return lib_fail(HF_UNREACHABLE, "%s at %s: %s", text, hf->path, strerror(errno));
    case VARLINK_FORBIDDEN:
        return lib_fail(HF_NOT_PERMITTED, "%s: %s: %s", text, hf->path, strerror(errno));
    case VARLINK_AGAIN:
    case VARLINK_CLOSED:
        return lib_fail(HF_UNREACHABLE, "%s at %s", text, hf->path);
    case VARLINK_GARBLED:
        return lib_fail(HF_GARBLED, "%s at %s", text, hf->path);
    case VARLINK_OK:
    case VARLINK_LONG_PATH:
    case VARLINK_TOO_LARGE:
        break;
    }
    return lib_fail(HF_BAD_OPTION, "%s", text);
}

enum hf_result lib_check_process(const struct hf *hf)
{
    if (hf->pid == getpid())
        return HF_OK;
    return lib_fail(HF_FORKED, "process %d opened it, and this is %d", (int)hf->pid, (int)getpid());
}
