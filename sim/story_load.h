/* Files for a story: the scenario, and a roster and a configuration of the user's own. */
#ifndef SIM_STORY_LOAD_H
#define SIM_STORY_LOAD_H

#include "sim/story.h"

/* Takes over names, voters, jurors, cohort and detection target. False: `error` says why. */
bool story_load_roster(struct story *s, const char *path, char error[STORY_ERROR_SIZE]);
/* Takes over on_isolation; other options do not matter here, and the agent checks them. */
bool story_load_config(struct story *s, const char *path, char error[STORY_ERROR_SIZE]);
/* Initialises `s`, then all of that (`roster`, `config` may be NULL) and the scenario itself. */
bool story_load(struct story *s, const char *path, const char *roster, const char *config,
                bool variant, char error[STORY_ERROR_SIZE]);

#endif
