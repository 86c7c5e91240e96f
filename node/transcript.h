/*
 * The transcript: what the executor was asked, what drivers printed, and what came of it. Lines in
 * a file of bounded size, `transcript` in the executor's state directory; when it is full it
 * becomes `transcript.1`, and the one before that is gone. Secrets were masked before anything
 * comes here.
 */
#ifndef NODE_TRANSCRIPT_H
#define NODE_TRANSCRIPT_H

#include "node/fault.h"

enum { TRANSCRIPT_FILE_MAX = 1024 * 1024, TRANSCRIPT_LINE_MAX = 1024 };

struct transcript;

struct transcript *transcript_open(const char *dir, struct fault *fault);
void transcript_close(struct transcript *transcript);
/* One line, with the time before it. Also into the log, at level info. NULL: into the log alone. */
void transcript_say(struct transcript *transcript, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
