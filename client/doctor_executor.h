/* What `holdfast doctor` asks the executor, by way of the local agent: is it there, for whom could
 * it act, does each device answer and is it the one that the roster names. */
#ifndef CLIENT_DOCTOR_EXECUTOR_H
#define CLIENT_DOCTOR_EXECUTOR_H

#include "client/command.h"
#include "client/finding.h"

/* `status`: the reply of Status. Asks CheckExecutor, which may take the time of the devices. */
void doctor_executor(struct findings *f, const struct cli *cli, const json_t *status);

#endif
