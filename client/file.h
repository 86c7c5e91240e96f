/*
 * Small files that must be whole: read with a bound, created durably, replaced at once. Every
 * function says on stderr what failed and returns false, so that callers only stop.
 */
#ifndef CLIENT_FILE_H
#define CLIENT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* "DIR/NAME" into `out`; ends the process if it does not fit (PATH_MAX). */
void file_path(char *out, size_t size, const char *dir, const char *name);
/* The directory, with `mode` if it has to be made; its parent must exist. */
bool file_directory(const char *path, mode_t mode);
/* The whole file, at most `max` bytes; the caller frees it. A NUL follows the bytes. */
uint8_t *file_read(const char *path, size_t max, size_t *size);
/* A new file, synced; fails if there is one (it is never overwritten). */
bool file_create(const char *path, mode_t mode, const void *bytes, size_t size);
/* Replaces a file by rename, synced, so that a reader finds the old or the new one. */
bool file_replace(const char *path, mode_t mode, const void *bytes, size_t size);
/* Makes the names in a directory durable (fsync(2)). */
bool file_sync_directory(const char *path);

#endif
