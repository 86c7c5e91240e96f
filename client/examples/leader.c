/*
 * One of several leads. Whoever has the exclusive lock does the work, in small steps, and looks
 * before each whether it is still the one; the token goes with the work, to storage that checks it.
 *
 *     leader NAME STEPS
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <holdfast.h>

/* What has happened since the last step; waits a little for it. */
static void hear(struct hf *hf, int wait_ms)
{
    struct hf_event event = {.size = sizeof event};
    struct pollfd p = {.fd = hf_fd(hf), .events = POLLIN}; /* beside others, in a real program */
    poll(&p, 1, wait_ms);
    while (hf_next_event(hf, &event, 0) == HF_OK) {
        if (event.kind == HF_EVENT_LOST) {
            fprintf(stderr, "no leader any more: %s\n", event.reason);
            _exit(1); /* at once: somebody else may lead before long */
        }
        if (event.kind == HF_EVENT_BLOCKING)
            printf("somebody wants to lead\n");
    }
}

int main(int argc, char **argv)
{
    struct hf *hf;
    struct hf_hold *hold = NULL;
    if (argc != 3)
        return 64;
    enum hf_result result = hf_open(NULL, &hf);
    if (result == HF_OK)
        result = hf_acquire(hf, argv[1], NULL, &hold);
    for (int step = 0; result == HF_OK && step < atoi(argv[2]); hear(hf, 50)) {
        /* Neither at risk nor without the agent, which would tell of a loss, is a step begun. */
        if (hf_held(hold) == HF_OK)
            printf("step %d under token %llu\n", ++step, (unsigned long long)hf_hold_token(hold));
        fflush(stdout);
    }
    if (result == HF_OK)
        result = hf_release(hold);
    if (result != HF_OK)
        fprintf(stderr, "%s: %s\n", hf_result_text(result), hf_error_detail());
    return hf_close(hf) == HF_OK && result == HF_OK ? 0 : 1;
}
