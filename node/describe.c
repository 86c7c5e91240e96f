/*
 * The API's description, taken whole from the file that the client and the documentation share, so
 * that GetInterfaceDescription can never say anything else. The build runs at the top of the tree.
 */
#include "node/api.h"

__asm__(".section .rodata\n"
        ".global api_description\n"
        ".hidden api_description\n"
        ".type api_description, @object\n"
        "api_description:\n"
        ".incbin \"client/org.holdfast.varlink\"\n"
        ".byte 0\n"
        ".size api_description, . - api_description\n"
        ".previous\n");
