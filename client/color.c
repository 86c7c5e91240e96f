/* Colour for people: see color.h. */
#include "client/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool color_wanted(void)
{
    const char *off = getenv("NO_COLOR"), *term = getenv("TERM");
    bool dumb = !term || !*term || strcmp(term, "dumb") == 0;
    return !(off && *off) && !dumb && isatty(STDOUT_FILENO);
}
