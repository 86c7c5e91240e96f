/* Memory by the page: see pages.h. Sources: mincore(2), madvise(2). */
#include "node/pages.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES_LOOK = 1024 }; /* asked about at once */

void *pages_get(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void pages_put(void *memory, size_t size)
{
    if (memory)
        munmap(memory, size);
}

static bool pages_zero(const unsigned char *page, size_t size)
{
    return page[0] == 0 && memcmp(page, page + 1, size - 1) == 0;
}

/* Only what is there is looked at: to read another page would make it. */
void pages_trim(void *memory, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char present[PAGES_LOOK];
    for (size_t at = 0; at < size; at += PAGES_LOOK * page) {
        unsigned char *start = (unsigned char *)memory + at;
        size_t left = size - at < PAGES_LOOK * page ? size - at : PAGES_LOOK * page;
        if (mincore(start, left, present) != 0)
            return;
        for (size_t i = 0; i < left / page; i++) /* a last page that is not whole is kept */
            if ((present[i] & 1) && pages_zero(start + i * page, page))
                (void)madvise(start + i * page, page, MADV_DONTNEED);
    }
}
