/*
 * The context strings of statements: see statement.h. Each ends at its NUL and none is a prefix of
 * another, and the cluster id that follows has a fixed size, so what is signed can be read in one
 * way only.
 */
#include "crypto/statement.h"

const char *statement_context(enum statement_kind kind)
{
    switch (kind) {
    case STATEMENT_ROSTER:
        return "holdfast roster 1";
    case STATEMENT_MEMBER:
        return "holdfast member 1";
    case STATEMENT_VOTE:
        return "holdfast vote 1";
    case STATEMENT_END:
        return "holdfast end 1";
    case STATEMENT_RECEIPT:
        return "holdfast receipt 1";
    case STATEMENT_OPERATOR:
        return "holdfast operator 1";
    case STATEMENT_ARMED:
        return "holdfast armed 1";
    case STATEMENT_SILENCE:
        return "holdfast silence 1";
    case STATEMENT_SCOPE:
        return "holdfast scope 1";
    }
    /* A kind that does not exist is a bug here: signing it under any context would be worse. */
    __builtin_trap();
}
