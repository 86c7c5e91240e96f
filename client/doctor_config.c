/* Whether the agent runs with what its file says by now: see doctor_agent.h. */
#include "client/doctor_agent.h"

#include "client/agent.h"
#include "client/agent_program.h"
#include "client/config_show.h"

void doctor_settings(struct findings *f, json_t *running)
{
    char takes[64];
    const json_t *differs;
    json_t *file = NULL;
    size_t index;
    /* What is wrong with the file itself was found before (doctor_config). */
    if (agent_program_settings(json_text(running, "file"), true, &file) != EXIT_OK)
        return;
    json_t *list = config_differences(file, running);
    json_array_foreach(list, index, differs)
    {
        config_takes(takes, sizeof takes, differs);
        finding(f, FINDING_WARNING, "config", "the agent runs with another %s than %s says",
                json_text(differs, "name"), json_text(running, "file"));
        finding_mend(f, "%s, or put the file back; holdfast config show has both values", takes);
    }
    json_decref(list);
    json_decref(file);
}
