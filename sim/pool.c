/* Memory of one run: see pool.h. */
#include "sim/pool.h"

#include "proto/must.h"

#include <string.h>
#include <sys/mman.h>

void pool_open(struct pool *p, size_t size)
{
    *p = (struct pool){.size = size};
    p->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(p->memory != MAP_FAILED);
    /* A page fault for every 4 KB was a tenth of a run; where there are no large pages, so be it.
     */
    (void)madvise(p->memory, size, MADV_HUGEPAGE);
}

void pool_close(struct pool *p)
{
    munmap(p->memory, p->size);
    *p = (struct pool){0};
}

void *pool_take(struct pool *p, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    must(rounded <= p->size - p->used);
    void *piece = p->memory + p->used;
    p->used += rounded;
    return piece;
}

void *pool_grow(struct pool *p, const void *old, size_t count, size_t *room, size_t item_size)
{
    *room = *room ? 2 * *room : 8;
    void *piece = pool_take(p, *room * item_size);
    if (count > 0)
        memcpy(piece, old, count * item_size);
    return piece;
}
