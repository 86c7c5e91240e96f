/* The method Settings: what this agent runs with, to compare with what its file says by now. */
#include "node/api.h"

#include "node/render_setting.h"
#include "node/udp_address.h"
#include "node/watchdog.h"

/* Where the roster says what the file leaves to it. */
static void api_setting_listen(json_t *settings, const struct identity *identity)
{
    char address[UDP_ADDRESS_SIZE];
    json_t *setting;
    size_t index;
    udp_address_text(address, &identity->node->address);
    json_array_foreach(settings, index, setting)
    {
        if (strcmp(frame_string(setting, "name", ""), "listen") != 0)
            continue;
        json_object_set_new(setting, "value", json_string(address));
        json_object_set_new(setting, "origin", json_string(setting_origin_text(SETTING_ROSTER)));
    }
}

void api_settings(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    const struct agent *agent = api_of(call)->agent;
    const struct config *config = agent_config(agent);
    const struct identity *identity = agent_identity(agent);
    const struct watchdog *watchdog = agent_watchdog(agent);
    json_t *settings = render_settings(&config->settings);
    if (config->listen.port == 0)
        api_setting_listen(settings, identity);
    varlink_reply(call,
                  json_pack("{s:s s:I s:I s:I s:o}", "file", config->path, "epoch",
                            (json_int_t)identity->roster->epoch, "detect_ms",
                            (json_int_t)identity->roster->detect_ms, "watchdog_ms",
                            watchdog ? (json_int_t)(watchdog_timeout(watchdog).ns / 1000000) : 0,
                            "settings", settings));
}
