/* The release that this agent is, as `--version`, GetInfo and Status say it. */
#ifndef NODE_VERSION_H
#define NODE_VERSION_H

#define HOLDFAST_VERSION "0.1.0"

#endif
