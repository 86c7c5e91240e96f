/*
 * The story of one order: see fence_story.h. Its parts are in the order of what happened: who
 * asked, what each juror saw by itself (F2) and whether it signed (F1), what executors did (F9),
 * and the receipt that ended the life (F6).
 */
#include "client/fence_story.h"

#include <string.h>

#include "client/agent.h"
#include "client/fence_text.h"

enum { NAMES_MAX = 2048, AGE_MAX = 32 };

/* The jurors whose vote is in the certificate. */
static void print_signers(FILE *out, const json_t *order)
{
    json_t *signers = json_array(), *opinion;
    char names[NAMES_MAX];
    size_t index;
    json_array_foreach(json_object_get(order, "opinions"), index, opinion)
    {
        if (json_flag(opinion, "signed"))
            json_array_append(signers, json_object_get(opinion, "juror"));
    }
    fence_text_list(names, sizeof names, signers);
    json_decref(signers);
    fprintf(out, "signed by  %lld of %lld jurors, %lld are needed%s%s\n",
            json_number(order, "signatures"), json_number(order, "jurors"),
            json_number(order, "quorum"), *names ? ": " : "", names);
}

static void print_heading(FILE *out, const json_t *order)
{
    const char *accuser = json_text(order, "accuser"), *lock = json_text(order, "lock");
    const char *text = json_text(order, "text");
    fprintf(out, "%s (slot %lld), life %lld: %s\n", json_text(order, "node"),
            json_number(order, "slot"), json_number(order, "life"), json_text(order, "stage"));
    if (*text)
        fprintf(out, "           %s\n", text);
    fprintf(out, "asked by   %s", *accuser ? accuser : "a node that is not known here");
    fprintf(out, *lock ? ", for whoever waits for the lock %s\n" : "\n", lock);
    if (*json_text(order, "requested_by"))
        fprintf(out, "           at the word of %s: %s\n", json_text(order, "requested_by"),
                json_text(order, "reason"));
    if (*json_text(order, "session"))
        fprintf(out, "about      its session %s alone, by %s: %s\n", json_text(order, "session"),
                json_text(order, "action"), json_text(order, "info"));
    print_signers(out, order);
    fprintf(out, "order      %s, epoch %lld, a certificate of %lld bytes\n",
            json_text(order, "order"), json_number(order, "epoch"), json_number(order, "bytes"));
}

/* "4.2 s before", or that there was none: what a juror does not know counts from its start. */
static void age_before(char text[AGE_MAX + 16], const json_t *opinion, const char *key)
{
    char age[AGE_MAX];
    long long ms = json_number(opinion, key);
    fence_text_age(age, sizeof age, ms);
    snprintf(text, AGE_MAX + 16, "%s%s", ms < 0 ? "none since its start" : age,
             ms < 0 ? "" : " before");
}

static void print_opinion(FILE *out, const json_t *opinion)
{
    char renewal[AGE_MAX + 16], heard[AGE_MAX + 16], age[AGE_MAX], allows[NAMES_MAX];
    const char *text = json_text(opinion, "text");
    age_before(renewal, opinion, "renewal_ms");
    age_before(heard, opinion, "heard_ms");
    fprintf(out, "  %s (slot %lld): %s%s%s\n", json_text(opinion, "juror"),
            json_number(opinion, "slot"), json_text(opinion, "verdict"), *text ? ": " : "", text);
    fprintf(out, "      last renewal of that life: %s; last word of that node: %s\n", renewal,
            heard);
    fprintf(out, "      probes sent: %lld direct, %lld through others (%lld came back unheard)\n",
            json_number(opinion, "direct"), json_number(opinion, "relays"),
            json_number(opinion, "silent"));
    fprintf(out,
            "      its own renewal acknowledged by %lld jurors; members alive: %lld; brake count: "
            "%lld\n",
            json_number(opinion, "acknowledged"), json_number(opinion, "alive"),
            json_number(opinion, "brake"));
    if (!json_flag(opinion, "signed")) {
        fputs("      not signed, as far as is known here\n", out);
        return;
    }
    fence_text_age(age, sizeof age, json_number(opinion, "age_ms"));
    fence_text_list(allows, sizeof allows, json_object_get(opinion, "allows"));
    fprintf(out, "      signed, %s after it last acknowledged that life; allows %s\n", age,
            *allows ? allows : "nothing");
}

static void print_receipt(FILE *out, const json_t *receipt)
{
    if (!json_is_object(receipt)) {
        fputs("\nreceipt    none\n", out);
        return;
    }
    if (strcmp(json_text(receipt, "action"), "watchdog") == 0) {
        fprintf(
            out,
            "\nreceipt    by its watchdog: a majority of the jurors was silent for long enough\n"
            "           proof %s\n",
            json_text(receipt, "proof"));
        return;
    }
    const char *witness = json_text(receipt, "witness");
    if (strcmp(json_text(receipt, "action"), "by-hand") == 0) {
        fprintf(out, "\nreceipt    by an operator's signature, by hand\n           proof %s\n",
                json_text(receipt, "proof"));
        return;
    }
    fprintf(out, "\nreceipt    by %s: %s, on the device %s\n", json_text(receipt, "executor"),
            json_text(receipt, "action"), json_text(receipt, "device"));
    if (*witness)
        fprintf(out, "           %s asked the device too, and it said off\n", witness);
    else
        fputs("           no other node reached the device\n", out);
    fprintf(out, "           proof %s\n", json_text(receipt, "proof"));
}

void fence_story_print(FILE *out, const json_t *order)
{
    const json_t *opinions = json_object_get(order, "opinions");
    const json_t *reports = json_object_get(order, "reports");
    size_t index;
    json_t *item;
    print_heading(out, order);
    fputs(json_array_size(opinions) ? "\nwhat the jurors had seen\n"
                                    : "\nwhat the jurors had seen is not known here\n",
          out);
    json_array_foreach(opinions, index, item) print_opinion(out, item);
    fputs(json_array_size(reports) ? "\nwhat executors told\n"
                                   : "\nno executor has told anything\n",
          out);
    json_array_foreach(reports, index, item)
    {
        const char *text = json_text(item, "text");
        fprintf(out, "  %s: %s%s%s\n", json_text(item, "executor"), json_text(item, "stage"),
                *text ? ": " : "", text);
    }
    print_receipt(out, json_object_get(order, "receipt"));
}
