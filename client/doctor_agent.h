/* What `holdfast doctor` asks the local agent: store, life, standing, peers, what was dropped. */
#ifndef CLIENT_DOCTOR_AGENT_H
#define CLIENT_DOCTOR_AGENT_H

#include "client/finding.h"

/* Of the reply of Status. */
void doctor_version(struct findings *f, const json_t *status);
void doctor_store(struct findings *f, const json_t *status);
void doctor_majority(struct findings *f, const json_t *status);
void doctor_life(struct findings *f, const json_t *status);
void doctor_drops(struct findings *f, const json_t *status);
void doctor_inhibitors(struct findings *f, const json_t *status);
/* Of the reply of Settings (doctor_config.c). */
void doctor_settings(struct findings *f, json_t *running);
/* Of the reply of Members. */
void doctor_peers(struct findings *f, const json_t *members);

#endif
