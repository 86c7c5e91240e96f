/* The executor's acts, in a file: see acts.h. */
#include "node/acts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/must.h"

#define ACTS_NAME     "acts"
#define ACTS_NAME_NEW "acts.new"

static const char acts_magic[8] = {'H', 'F', 'A', 'C', 'T', 'S', '0', '1'};

struct acts {
    int dir; /* also what is locked */
    struct cluster_id cluster;
    struct acts_table table;
    uint8_t bytes[ACTS_FILE_MAX + 1];
};

/* --- The bytes --- */

size_t acts_encode(uint8_t *out, const struct acts_table *table, const struct cluster_id *cluster)
{
    struct writer w = writer_init(out, ACTS_FILE_MAX);
    write_copy(&w, acts_magic, sizeof acts_magic);
    write_copy(&w, cluster->bytes, DIGEST_SIZE);
    write_u32(&w, (uint32_t)table->count);
    for (size_t i = 0; i < table->count; i++) {
        const struct fence_act *act = &table->list[i];
        write_u16(&w, act->slot);
        write_u64(&w, act->life);
        write_u8(&w, act->action);
        write_copy(&w, act->order.bytes, DIGEST_SIZE);
    }
    struct digest digest = digest_of(out, writer_size(&w));
    write_copy(&w, digest.bytes, DIGEST_SIZE);
    must(!w.failed);
    return writer_size(&w);
}

bool acts_decode(struct acts_table *out, const struct cluster_id *cluster, const uint8_t *bytes,
                 size_t size)
{
    char magic[sizeof acts_magic];
    struct cluster_id of;
    struct digest said, digest;
    struct reader r = reader_init(bytes, size);
    out->count = 0;
    read_copy(&r, magic, sizeof magic);
    read_copy(&r, of.bytes, DIGEST_SIZE);
    uint32_t count = read_u32(&r);
    if (r.failed || memcmp(magic, acts_magic, sizeof magic) != 0 ||
        memcmp(of.bytes, cluster->bytes, DIGEST_SIZE) != 0 || count > ACTS_MAX)
        return false;
    for (uint32_t i = 0; i < count && !r.failed; i++) {
        struct fence_act act;
        act.slot = read_u16(&r);
        act.life = read_u64(&r);
        act.action = read_u8(&r);
        read_copy(&r, act.order.bytes, DIGEST_SIZE);
        if (r.failed || acts_look(out, &act) != ACTS_NEW)
            return false;
        acts_add(out, &act);
        if (out->count != i + 1) /* acts on a lower life, which were let go before */
            return false;
    }
    if (r.failed)
        return false;
    digest = digest_of(bytes, size - reader_left(&r));
    read_copy(&r, said.bytes, DIGEST_SIZE);
    return reader_done(&r) && memcmp(said.bytes, digest.bytes, DIGEST_SIZE) == 0;
}

/* --- The file --- */

/* 0, or errno. */
static int acts_save(struct acts *acts)
{
    size_t size = acts_encode(acts->bytes, &acts->table, &acts->cluster);
    int fd = openat(acts->dir, ACTS_NAME_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    ssize_t written = write(fd, acts->bytes, size);
    int error = written == (ssize_t)size ? 0 : written < 0 ? errno : ENOSPC;
    if (!error && fsync(fd) != 0)
        error = errno;
    close(fd);
    if (!error && renameat(acts->dir, ACTS_NAME_NEW, acts->dir, ACTS_NAME) != 0)
        error = errno;
    if (!error && fsync(acts->dir) != 0)
        error = errno;
    return error;
}

static bool acts_load(struct acts *acts, const char *dir, struct fault *fault)
{
    int fd = openat(acts->dir, ACTS_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        int error = acts_save(acts);
        return error == 0 || fault_set(fault, FAULT_CONFIG, "executor-state %s: cannot write: %s",
                                       dir, strerror(error));
    }
    size_t size = 0;
    ssize_t n = -1;
    while (fd >= 0 && size < sizeof acts->bytes &&
           (n = read(fd, acts->bytes + size, sizeof acts->bytes - size)) > 0)
        size += (size_t)n;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (fd < 0 || n < 0)
        return fault_set(fault, FAULT_CONFIG, "%s/" ACTS_NAME ": %s", dir, strerror(error));
    if (acts_decode(&acts->table, &acts->cluster, acts->bytes, size))
        return true;
    return fault_set(fault, FAULT_CONFIG,
                     "%s/" ACTS_NAME ": damaged, or of another cluster: it says on which lives "
                     "this executor has acted; restore it, or move it away once no order of this "
                     "cluster is open",
                     dir);
}

static bool acts_enter(struct acts *acts, const char *dir, struct fault *fault)
{
    struct stat st;
    acts->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (acts->dir < 0 || fstat(acts->dir, &st) != 0)
        return fault_set(fault, FAULT_CONFIG,
                         "executor-state %s: %s; make the directory: install -d -m 700 %s", dir,
                         strerror(errno), dir);
    if (st.st_uid != geteuid() || (st.st_mode & 077))
        return fault_set(fault, FAULT_CONFIG,
                         "executor-state %s: it must be the executor's own, and closed to others; "
                         "run: chown %u %s; chmod 700 %s",
                         dir, (unsigned)geteuid(), dir, dir);
    if (flock(acts->dir, LOCK_EX | LOCK_NB) != 0)
        return fault_set(fault, FAULT_CONFIG, "executor-state %s: another executor uses it", dir);
    return true;
}

struct acts *acts_open(const char *dir, const struct cluster_id *cluster, struct fault *fault)
{
    struct acts *acts = calloc(1, sizeof *acts);
    must(acts);
    acts->dir = -1;
    acts->cluster = *cluster;
    if (acts_enter(acts, dir, fault) && acts_load(acts, dir, fault))
        return acts;
    acts_close(acts);
    return NULL;
}

void acts_close(struct acts *acts)
{
    if (acts->dir >= 0)
        close(acts->dir);
    free(acts);
}

const struct acts_table *acts_table(const struct acts *acts)
{
    return &acts->table;
}

int acts_write(struct acts *acts, const struct fence_act *act)
{
    acts_add(&acts->table, act);
    /* After an error it stays in the table: the file may have it. It is then not acted upon. */
    return acts_save(acts);
}
