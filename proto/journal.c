/* The log as the peer writes it: see journal.h. */
#include "proto/journal.h"

#include "proto/must.h"

void journal_init(struct journal *j, uint8_t *memory, size_t room)
{
    *j = (struct journal){.bytes = memory, .room = room};
}

uint64_t journal_append(struct journal *j, const struct record *record, bool sync)
{
    uint8_t payload[RECORD_BYTES_MAX];
    struct writer p = writer_init(payload, sizeof payload);
    record_encode(&p, record);
    must(!p.failed);
    j->lsn++;
    j->sync_wanted |= sync;
    if (sync)
        j->awaited = j->lsn;
    if (j->segment_wanted)
        return j->lsn;
    struct writer w = writer_init(j->bytes + j->size, j->room - j->size);
    votelog_record_encode(&w, &j->store, j->lsn, j->durable, payload, writer_size(&p));
    if (w.failed)
        j->segment_wanted = true;
    else
        j->size += writer_size(&w);
    return j->lsn;
}

void journal_written(struct journal *j, uint64_t lsn)
{
    must(lsn <= j->lsn);
    if (lsn > j->written && !j->failed)
        j->written = lsn;
}

void journal_taken(struct journal *j)
{
    j->size = 0;
    j->sync_wanted = j->write_wanted = false;
    j->segment_wanted = false;
}
