/* The disk under one machine's vote log: see disk.h. */
#include "sim/disk.h"

#include "proto/must.h"
#include "proto/record.h"
#include "sim/image.h"
#include "sim/machine.h"
#include "sim/world.h"

static const struct span copy_age = SPAN_MS(10000);

/* What the last words of a dying machine may look like. */
enum { CRASH_NOTHING, CRASH_PREFIX, CRASH_SECTORS, CRASH_ALL, CRASH_KINDS };

static void file_reserve(struct pool *pool, struct log_file *f, size_t more)
{
    size_t wanted = f->size + more + DISK_ZEROS;
    if (wanted <= f->room)
        return;
    size_t room = 2 * wanted;
    uint8_t *bytes = pool_take(pool, room);
    if (f->size > 0)
        memcpy(bytes, f->bytes, f->size);
    f->bytes = bytes;
    f->room = room;
}

void disk_open(struct world *w, struct machine *m, const uint8_t *bytes, size_t size)
{
    struct disk *d = &m->disk;
    random_init(&d->random, w->seed, STREAM_DISK + m->index);
    file_reserve(&w->pool, &d->file, size);
    memcpy(d->file.bytes, bytes, size);
    d->file.size = d->file.synced = size;
    d->file.lsn = 1;
}

enum { WRITE_NS = 50000 }; /* a write into the page cache, at most */

static void start_sync(struct world *w, struct machine *m)
{
    struct disk *d = &m->disk;
    const struct log_file *f = d->segment_pending ? &d->next : &d->file;
    struct span low = w->p.sync.low, high = w->p.sync.high;
    if (d->slow > 0)
        low = SPAN_MS(100), high = SPAN_MS(4000);
    if (d->stuck > 0)
        low = SPAN_MS(4000), high = SPAN_MS(30000);
    low.ns += d->extra;
    high.ns += d->extra;
    d->syncing = true;
    d->wanted = false;
    d->sync_size = f->size;
    d->sync_lsn = f->lsn;
    d->sync_number++;
    world_plan(w, random_span(&d->random, low, high),
               (struct item){.kind = HAPPEN_SYNCED, .machine = m->index, .tag = d->sync_number});
}

/* The item that was planned before finds another number, or none. */
void disk_hurry(struct world *w, const struct machine *m)
{
    if (m->disk.syncing)
        world_plan(
            w, w->p.sync.high,
            (struct item){.kind = HAPPEN_SYNCED, .machine = m->index, .tag = m->disk.sync_number});
}

/* Takes over a whole segment; one that was still being written is given up, since this one has it
 * all. */
static void write_segment(struct world *w, struct machine *m)
{
    struct disk *d = &m->disk;
    size_t most = peer_segment_size(m->peer), before = d->next.size;
    d->next.size = d->next.synced = d->next.read = d->next.written = 0;
    if (d->next.room < most + DISK_ZEROS)
        d->next = (struct log_file){0}, before = 0;
    file_reserve(&w->pool, &d->next, most);
    d->next.size = peer_segment(m->peer, d->next.bytes, most, &d->next.lsn);
    must(d->next.size <= most);
    if (d->next.size < before) /* behind that it is zero already */
        memset(d->next.bytes + d->next.size, 0, before - d->next.size);
    d->segment_pending = true;
    image_segment(w, m, (struct view){d->next.bytes, d->next.size}, d->next.lsn);
    start_sync(w, m);
}

/* Signatures, and what is named by the digest of signed bytes, are the cipher's; the rest goes into
 * the hash. */
static void trace_record(struct world *w, uint64_t lsn, struct view payload)
{
    uint8_t kind = payload.bytes[0];
    bool signed_bytes = kind == RECORD_ACCEPT || kind == RECORD_VOTE || kind == RECORD_ORDER ||
                        kind == RECORD_PROOF || kind == RECORD_ARMED;
    trace_numbers(&w->trace, lsn, kind, payload.size);
    if (!signed_bytes)
        trace_bytes(&w->trace, payload.bytes, payload.size);
}

/* Appends the records that the segment, if there is a new one, does not contain already. */
static void append(struct world *w, struct machine *m, struct view records)
{
    struct disk *d = &m->disk;
    struct log_file *f = d->segment_pending ? &d->next : &d->file;
    struct reader r = reader_init(records.bytes, records.size);
    while (reader_left(&r) > 0) {
        const uint8_t *start = r.at;
        uint64_t lsn = read_u64(&r);
        read_u64(&r);
        uint32_t size = read_u32(&r);
        struct view payload = {read_view(&r, size), size};
        read_u64(&r);
        must(!r.failed);
        if (lsn <= f->lsn)
            continue;
        must(lsn == f->lsn + 1);
        size_t frame = (size_t)(r.at - start);
        file_reserve(&w->pool, f, frame);
        memcpy(f->bytes + f->size, start, frame);
        f->size += frame;
        f->lsn = lsn;
        trace_record(w, lsn, payload);
        image_append(w, m, lsn, payload);
    }
}

/* The thread that syncs also writes: a write waits while a sync runs. A write that is overtaken by
 * another is told with it. */
static void start_write(struct world *w, struct machine *m)
{
    struct disk *d = &m->disk;
    d->write_lsn = d->file.lsn;
    d->write_size = d->file.size;
    struct span high = d->syncing ? w->p.sync.high : (struct span){WRITE_NS};
    world_plan(w, random_span(&d->random, (struct span){0}, high),
               (struct item){.kind = HAPPEN_WRITTEN, .machine = m->index, .tag = d->write_lsn});
}

void disk_write(struct world *w, struct machine *m, const struct effects *effects)
{
    struct disk *d = &m->disk;
    if (d->failed)
        return;
    if (effects->segment_wanted)
        write_segment(w, m);
    append(w, m, effects->records);
    d->wanted |= effects->sync_wanted;
    if (d->wanted && !d->syncing)
        start_sync(w, m);
    if (effects->write_wanted && !d->segment_pending)
        start_write(w, m);
}

void disk_written(struct world *w, struct machine *m, uint64_t lsn)
{
    struct disk *d = &m->disk;
    if (d->failed || d->segment_pending || lsn != d->write_lsn || d->file.lsn < lsn)
        return;
    d->write_lsn = 0;
    if (d->file.written < d->write_size)
        d->file.written = d->write_size;
    machine_post(w, m, &(struct event){.kind = EVENT_WRITTEN, .lsn = lsn});
}

/* Now and then, for rollbacks. */
static void keep_copy(struct world *w, struct disk *d)
{
    if (w->p.weights[FAULT_STORE_BACK] == 0 || w->now - d->copies[1].at < copy_age.ns)
        return;
    struct log_file oldest = d->copies[0].file;
    d->copies[0] = d->copies[1];
    oldest.size = 0;
    file_reserve(&w->pool, &oldest, d->file.synced);
    memcpy(oldest.bytes, d->file.bytes, d->file.synced);
    oldest.size = oldest.synced = d->file.synced;
    oldest.lsn = d->sync_lsn;
    d->copies[1] = (struct disk_copy){.file = oldest, .at = w->now};
}

static void pass_copies(const struct world *w, struct disk *d)
{
    for (size_t i = 0; i < DISK_COPIES; i++)
        if (d->copies[i].passed_at == 0 && d->sync_lsn > d->copies[i].file.lsn)
            d->copies[i].passed_at = w->now;
}

void disk_synced(struct world *w, struct machine *m, uint64_t number)
{
    struct disk *d = &m->disk;
    if (!d->syncing || number != d->sync_number)
        return;
    d->syncing = false;
    if (d->fail_next || d->full > 0) {
        /* The kernel may have dropped the dirty pages: what was not synced is as good as gone. */
        d->fail_next = false;
        d->failed = true;
        world_trace(w, "%s: sync failed", m->name);
        machine_post(w, m, &(struct event){.kind = EVENT_SYNC_FAILED});
        return;
    }
    if (d->segment_pending) {
        struct log_file old = d->file;
        d->file = d->next;
        d->next = old;
        d->segment_pending = false;
    }
    d->file.synced = d->sync_size;
    uint64_t lsn = d->sync_lsn; /* the next sync has its own */
    image_durable(w, m, lsn);
    pass_copies(w, d);
    keep_copy(w, d);
    if (d->wanted)
        start_sync(w, m);
    machine_post(w, m, &(struct event){.kind = EVENT_DURABLE, .lsn = lsn});
}

static void cut_file(struct log_file *f, size_t size)
{
    if (f->size > size)
        memset(f->bytes + size, 0, f->size - size);
    f->size = size;
    f->read = f->read < size ? f->read : size;
    f->written = f->written < size ? f->written : size;
}

/* What the driver was about to do is forgotten with it. */
static void forget_plans(struct disk *d)
{
    d->segment_pending = false;
    d->syncing = false;
    d->wanted = false;
    d->write_lsn = 0;
    d->failed = false;
    d->fail_next = false;
    cut_file(&d->next, 0);
}

/* A segment whose sync had ended, unreported, had perhaps taken the name already. */
static void perhaps_renamed(struct disk *d)
{
    if (!d->segment_pending || !d->syncing || !random_chance(&d->random, 200))
        return;
    struct log_file old = d->file;
    d->file = d->next;
    d->file.synced = d->sync_size;
    d->next = old;
}

void disk_agent_crash(struct disk *d)
{
    bool failed = d->failed;
    perhaps_renamed(d);
    forget_plans(d);
    size_t kept = d->file.synced > d->file.read ? d->file.synced : d->file.read;
    if (failed) {
        d->unwritten = true;
        cut_file(&d->file, kept);
        return;
    }
    if (d->file.written > kept)
        kept = d->file.written;
    if (random_chance(&d->random, 500))
        cut_file(&d->file, kept + random_below(&d->random, d->file.size - kept + 1));
}

/* One sector that did not make it: empty, half written, or something older. */
static void lose_sector(struct disk *d, uint8_t *at, size_t size)
{
    switch (random_below(&d->random, 3)) {
    case 0:
        memset(at, 0, size);
        break;
    case 1:
        memset(at + size / 2, 0, size - size / 2);
        break;
    default:
        random_bytes(&d->random, at, size);
        break;
    }
}

static void lose_sectors(struct disk *d)
{
    struct log_file *f = &d->file;
    for (size_t at = f->synced; at < f->size;) {
        size_t end = (at / DISK_SECTOR + 1) * DISK_SECTOR;
        if (end > f->size)
            end = f->size;
        if (random_chance(&d->random, 500))
            lose_sector(d, f->bytes + at, end - at);
        at = end;
    }
}

void disk_power_crash(struct disk *d)
{
    perhaps_renamed(d);
    forget_plans(d);
    struct log_file *f = &d->file;
    size_t unsynced = f->size - f->synced;
    switch (random_below(&d->random, CRASH_KINDS)) {
    case CRASH_NOTHING:
        cut_file(f, f->synced);
        break;
    case CRASH_PREFIX:
        cut_file(f, f->synced + random_below(&d->random, unsynced + 1));
        break;
    case CRASH_SECTORS:
        lose_sectors(d);
        break;
    default: /* all of it survived */
        break;
    }
}

struct view disk_read(struct disk *d)
{
    d->file.read = d->file.size;
    return (struct view){d->file.bytes, d->file.size ? d->file.size + DISK_ZEROS : 0};
}

/* How far the log is known to have been synced, by its own later records; 0: it does not open. */
static size_t known_synced(const struct log_file *f)
{
    struct votelog_reader reader;
    struct votelog_record record;
    if (votelog_open(&reader, f->bytes, f->size) != VOTELOG_RECORD)
        return 0;
    uint64_t durable = reader.header.base_lsn;
    size_t before = reader.at;
    while (votelog_next(&reader, &record) == VOTELOG_RECORD) {
        struct reader frame = reader_init(f->bytes + before + 8, 8);
        uint64_t says = read_u64(&frame);
        durable = says > durable ? says : durable;
        before = reader.at;
    }
    votelog_open(&reader, f->bytes, f->size);
    while (reader.next_lsn <= durable && votelog_next(&reader, &record) == VOTELOG_RECORD)
        continue;
    return reader.at;
}

/* A bit, a sector that reads as zeros, or one that was written over by another. */
static void damage_at(struct disk *d, size_t at, size_t known)
{
    size_t start = at / DISK_SECTOR * DISK_SECTOR;
    size_t size = known - start < DISK_SECTOR ? known - start : DISK_SECTOR;
    switch (random_below(&d->random, 3)) {
    case 0:
        memset(d->file.bytes + start, 0, size);
        break;
    case 1:
        memcpy(d->file.bytes + start, d->file.bytes + random_below(&d->random, known - size + 1),
               size);
        break;
    default:
        break;
    }
    d->file.bytes[at] ^= (uint8_t)(1 << random_below(&d->random, 8));
}

bool disk_damage(struct disk *d)
{
    size_t known = known_synced(&d->file);
    if (known == 0)
        return false;
    /* At least one byte is another than before, whatever the rest. */
    size_t at = random_below(&d->random, known);
    uint8_t before = d->file.bytes[at];
    damage_at(d, at, known);
    if (d->file.bytes[at] == before)
        d->file.bytes[at] ^= 1;
    return true;
}

const struct disk_copy *disk_old_copy(const struct world *w, struct disk *d)
{
    const struct disk_copy *copy = &d->copies[random_below(&d->random, DISK_COPIES)];
    bool old = copy->file.size > 0 && copy->passed_at && w->now - copy->at >= copy_age.ns;
    return old ? copy : NULL;
}

void disk_roll_back(struct world *w, struct disk *d, const struct disk_copy *copy)
{
    cut_file(&d->file, 0);
    file_reserve(&w->pool, &d->file, copy->file.size);
    memcpy(d->file.bytes, copy->file.bytes, copy->file.size);
    d->file.size = d->file.synced = copy->file.size;
    d->file.lsn = copy->file.lsn;
}

void disk_swap(struct disk *a, struct disk *b)
{
    struct log_file file = a->file;
    a->file = b->file;
    b->file = file;
}

bool disk_bound(const struct disk *d)
{
    struct votelog_reader reader;
    return votelog_open(&reader, d->file.bytes, d->file.size) == VOTELOG_RECORD &&
           reader.header.slot != SLOT_NONE;
}

void disk_lose(struct disk *d)
{
    cut_file(&d->file, 0);
    d->file.synced = 0;
    d->file.lsn = 0;
}
