/* What the agent keeps durably with a hold about the client behind it. */
#include "node/holder.h"

#include "crypto/bytes.h"
#include "proto/must.h"

static uint64_t holder_cgroup(const struct holder *holder)
{
    for (size_t i = 0; i < holder->count; i++)
        if (holder->processes[i].cgroup)
            return holder->processes[i].cgroup;
    return 0;
}

size_t holder_encode(uint8_t *out, const struct holder *holder)
{
    struct writer w = writer_init(out, HOLDER_BYTES_MAX);
    uint64_t cgroup = holder_cgroup(holder);
    write_u8(&w, cgroup ? HOLDER_VERSION : HOLDER_VERSION_PLAIN);
    write_copy(&w, holder->boot_id, sizeof holder->boot_id);
    write_copy(&w, holder->session.bytes, sizeof holder->session.bytes);
    write_u32(&w, holder->uid);
    write_u8(&w, (uint8_t)holder->count);
    for (size_t i = 0; i < holder->count; i++) {
        write_u32(&w, (uint32_t)holder->processes[i].pid);
        write_u64(&w, holder->processes[i].start);
        write_u8(&w, holder->processes[i].leads);
    }
    if (cgroup)
        write_u64(&w, cgroup);
    must(!w.failed);
    return writer_size(&w);
}

bool holder_decode(struct holder *out, struct view bytes)
{
    struct holder h = {0};
    struct reader r = reader_init(bytes.bytes, bytes.size);
    uint8_t version = read_u8(&r);
    if (version != HOLDER_VERSION_PLAIN && version != HOLDER_VERSION)
        return false;
    read_copy(&r, h.boot_id, sizeof h.boot_id);
    read_copy(&r, h.session.bytes, sizeof h.session.bytes);
    h.uid = read_u32(&r);
    h.count = read_u8(&r);
    if (h.count > HOLDER_PROCESSES_MAX)
        return false;
    for (size_t i = 0; i < h.count; i++) {
        uint32_t pid = read_u32(&r);
        h.processes[i].start = read_u64(&r);
        h.processes[i].leads = read_flag(&r);
        if (pid == 0 || pid > INT32_MAX)
            return false;
        h.processes[i].pid = (pid_t)pid;
    }
    bool plain = version == HOLDER_VERSION_PLAIN;
    uint64_t cgroup = plain ? 0 : read_u64(&r);
    if (!reader_done(&r) || (!plain && (cgroup == 0 || h.count == 0)))
        return false;
    h.processes[0].cgroup =
        cgroup; /* whose it is makes no difference: all of them are in one set */
    *out = h;
    return true;
}
