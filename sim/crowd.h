/*
 * A crowd: membership alone (proto/swim), of thousands of nodes, over a made-up network in virtual
 * time. No locks, logs, sessions or seals; signatures are the binary's.
 *
 * It answers what membership costs and how fast it is at sizes that whole clusters cannot be
 * simulated at: datagrams and bytes for each node, the time from a death until everybody knows,
 * false suspicions, and the memory for each pair of members.
 */
#ifndef SIM_CROWD_H
#define SIM_CROWD_H

/* `holdfast-sim crowd [options]`: `argv[0]` is "crowd". Returns an exit code of sim/world.h: clean,
 * or stuck if the views of living, connected nodes do not agree with the truth in the end. */
int crowd_main(int argc, char **argv);

#endif
