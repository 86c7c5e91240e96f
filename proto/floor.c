/* The names of floors: see floor.h. */
#include "proto/floor.h"

enum { FLOOR_MARK = 2 };

static const char digits[] = "0123456789abcdef";

struct floor_name floor_name(uint32_t shard)
{
    struct floor_name name = {{FLOOR_MARK}};
    for (int i = 1; i < FLOOR_NAME_SIZE; i++)
        name.bytes[i] = (uint8_t)digits[shard >> 4 * (FLOOR_NAME_SIZE - 1 - i) & 15];
    return name;
}

bool floor_shard(struct view name, uint32_t *shard)
{
    uint32_t value = 0;
    if (name.size != FLOOR_NAME_SIZE || name.bytes[0] != FLOOR_MARK)
        return false;
    for (size_t i = 1; i < FLOOR_NAME_SIZE; i++) {
        uint32_t digit = 0;
        while (digit < 16 && digits[digit] != (char)name.bytes[i])
            digit++;
        if (digit == 16)
            return false;
        value = value << 4 | digit;
    }
    *shard = value;
    return true;
}
