/* What the agent keeps durably with a hold about the client behind it. */
#include "node/holder.h"

#include "crypto/bytes.h"
#include "proto/must.h"

size_t holder_encode(uint8_t *out, const struct holder *holder)
{
    struct writer w = writer_init(out, HOLDER_BYTES_MAX);
    write_u8(&w, HOLDER_VERSION);
    write_copy(&w, holder->boot_id, sizeof holder->boot_id);
    write_copy(&w, holder->session.bytes, sizeof holder->session.bytes);
    write_u32(&w, holder->uid);
    write_u8(&w, (uint8_t)holder->count);
    for (size_t i = 0; i < holder->count; i++) {
        write_u32(&w, (uint32_t)holder->processes[i].pid);
        write_u64(&w, holder->processes[i].start);
        write_u8(&w, holder->processes[i].leads);
    }
    must(!w.failed);
    return writer_size(&w);
}

bool holder_decode(struct holder *out, struct view bytes)
{
    struct holder h = {0};
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (read_u8(&r) != HOLDER_VERSION)
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
    if (!reader_done(&r))
        return false;
    *out = h;
    return true;
}
