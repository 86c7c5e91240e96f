/*
 * At most LIMIT nodes load from one cache at a time: runs COMMAND as one of them, and says what it
 * waits for.
 *
 *     side_loads CACHE LIMIT COMMAND [ARGUMENT...]
 */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <holdfast.h>

static int say_waiting(void *context, const struct hf_waiting *waiting)
{
    const char *cache = context;
    printf("%s: %s\n", cache, waiting->text);
    for (size_t i = 0; i < waiting->holder_count; i++)
        printf("  %s is loading\n", waiting->holders[i]->node);
    fflush(stdout);
    return 0; /* wait on; anything else would give up the place in the queue */
}

static int run(char **argv)
{
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
        return 127;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    struct hf *hf;
    struct hf_hold *hold = NULL;
    if (argc < 4)
        return 64;
    struct hf_options options = {.size = sizeof options,
                                 .mode = HF_COUNTED,
                                 .limit = (uint32_t)atoi(argv[2]),
                                 .waiting = say_waiting,
                                 .context = argv[1]};
    enum hf_result result = hf_open(NULL, &hf);
    if (result == HF_OK)
        result = hf_acquire(hf, argv[1], &options, &hold);
    int code = 1;
    if (result == HF_OK) {
        code = run(argv + 3);
        result = hf_release(hold);
    }
    if (result != HF_OK)
        fprintf(stderr, "%s: %s\n", hf_result_text(result), hf_error_detail());
    return hf_close(hf) == HF_OK && result == HF_OK ? code : 1;
}
