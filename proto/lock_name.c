/* What a lock may be called: see lock.h. */
#include "proto/lock.h"

#include "crypto/text.h"

bool lock_name_valid(struct view name)
{
    return name.size > 0 && name.size <= LOCK_NAME_MAX && text_valid(name.bytes, name.size);
}
