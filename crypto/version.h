/* The release, as `--version` of both programs, GetInfo and Status say it. In this folder since
 * agent and command both include it. */
#ifndef CRYPTO_VERSION_H
#define CRYPTO_VERSION_H

#define HOLDFAST_VERSION "0.1.0"

#endif
