/* CheckExecutor: what this node's executor could carry an order out with. */
#include "node/api.h"

#include <stdlib.h>

#include "node/render_executor.h"
#include "proto/must.h"

struct api_check {
    struct api *api;
    struct varlink_call *call;
};

static void api_check_cancelled(struct varlink_call *call)
{
    struct api_check *check = call->owner;
    executor_check_forget(check->api->executor_check, check);
    free(check);
}

static void api_check_answer(void *context, const struct executor_answer *parts, size_t count,
                             const char *why)
{
    struct api_check *check = context;
    struct executor_probe_view view = executor_probe_view(check->api->executor);
    varlink_reply(check->call, render_executor_check(check->api->agent, &view, parts, count, why));
    free(check);
}

void api_check_executor(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    struct api *api = api_of(call);
    struct executor_probe_view view = executor_probe_view(api->executor);
    if (!view.wanted) {
        varlink_reply(
            call, render_executor_check(api->agent, &view, NULL, 0,
                                        "the roster has no action that this node may carry out"));
        return;
    }
    struct api_check *check = calloc(1, sizeof *check);
    must(check);
    *check = (struct api_check){api, call};
    call->owner = check;
    call->cancel = api_check_cancelled;
    executor_check_ask(api->executor_check, api_check_answer, check);
}
