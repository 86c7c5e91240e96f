/* Why the agent does not start. The first fault is the cause; what fails after it is consequence.
 */
#include "node/fault.h"

#include <stdarg.h>
#include <stdio.h>

bool fault_set(struct fault *fault, int status, const char *format, ...)
{
    if (fault->status != FAULT_NONE)
        return false;
    fault->status = status;
    va_list ap;
    va_start(ap, format);
    vsnprintf(fault->text, sizeof fault->text, format, ap);
    va_end(ap);
    return false;
}
