/* The subcommands of holdfast-sim: each gets its own arguments, argv[0] being its name. */
#ifndef SIM_CMD_H
#define SIM_CMD_H

int cmd_run(int argc, char **argv);
int cmd_shrink(int argc, char **argv);
int cmd_fencing(int argc, char **argv);

#endif
