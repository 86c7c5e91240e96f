/* The explanation of a fence as text: see fence_why.h. */
#include "client/fence_why.h"

#include "client/agent.h"

static void print_lines(FILE *out, const json_t *lines, const char *before)
{
    json_t *text;
    size_t index;
    json_array_foreach(lines, index, text) fprintf(out, "%s%s\n", before, json_string_value(text));
}

/* The time, or as much room. */
static const char *time_or_blank(const json_t *item)
{
    const char *time = json_text(item, "time");
    return *time ? time : "time not known        ";
}

static void print_jurors(FILE *out, const json_t *why, const char *key, const char *title)
{
    json_t *item;
    size_t index;
    const json_t *list = json_object_get(why, key);
    if (json_array_size(list) > 0)
        fprintf(out, "\n%s\n", title);
    json_array_foreach(list, index, item)
        fprintf(out, "  %s  %s: %s\n", time_or_blank(item), json_text(item, "juror"),
                json_text(item, "text"));
}

static void print_asked(FILE *out, const json_t *why)
{
    const json_t *asked = json_object_get(why, "asked"), *order = json_object_get(why, "order");
    const char *by = json_text(asked, "by"), *lock = json_text(asked, "lock");
    if (json_is_object(asked))
        fprintf(out, "\nasked      %s  by %s%s%s\n", time_or_blank(asked),
                *by ? by : "a node that is not known here", *lock ? ", for whoever waits for " : "",
                lock);
    if (!json_is_object(order))
        return;
    fprintf(out, "ordered    %s  order %s\n", time_or_blank(order), json_text(order, "digest"));
    if (json_number(order, "jurors") > 0)
        fprintf(out, "           signed by %lld of %lld jurors, %lld are needed\n",
                json_number(order, "signatures"), json_number(order, "jurors"),
                json_number(order, "quorum"));
}

static void print_acts(FILE *out, const json_t *why)
{
    json_t *item;
    size_t index;
    const json_t *executors = json_object_get(why, "executors");
    const json_t *transcript = json_object_get(why, "transcript");
    if (json_array_size(executors) > 0)
        fputs("\nwhat executors told\n", out);
    json_array_foreach(executors, index, item)
        fprintf(out, "  %s  %s\n", time_or_blank(item), json_text(item, "text"));
    json_array_foreach(transcript, index, item)
        fprintf(out, "  %s  %s\n", time_or_blank(item), json_text(item, "text"));
}

static void print_receipt(FILE *out, const json_t *why)
{
    const json_t *receipt = json_object_get(why, "receipt");
    const char *device = json_text(receipt, "device"), *witness = json_text(receipt, "witness");
    if (!json_is_object(receipt))
        return;
    fprintf(out, "\nproof      %s  %s, by %s\n", time_or_blank(receipt), json_text(receipt, "kind"),
            json_text(receipt, "by"));
    if (*device)
        fprintf(out, "           on the device %s; %s%s\n", device,
                *witness ? witness : "no other node reached it",
                *witness ? " asked it too, and it said off" : "");
    fprintf(out, "           %s\n", json_text(receipt, "proof"));
}

static void print_rest(FILE *out, const json_t *why)
{
    json_t *item;
    size_t index;
    const json_t *freed = json_object_get(why, "freed"), *notes = json_object_get(why, "notes");
    if (json_array_size(freed) > 0)
        fputs("\nlocks that it freed, as far as is known here\n", out);
    json_array_foreach(freed, index, item)
        fprintf(out, "  %s  %s (%s, token %lld)\n", time_or_blank(item), json_text(item, "lock"),
                json_text(item, "mode"), json_number(item, "token"));
    if (json_array_size(notes) > 0)
        fputs("\nbeside that\n", out);
    json_array_foreach(notes, index, item)
        fprintf(out, "  %s  %s: %s\n", time_or_blank(item), json_text(item, "kind"),
                json_text(item, "text"));
}

void fence_why_print(FILE *out, const json_t *explanation)
{
    const json_t *missing = json_object_get(explanation, "missing");
    fprintf(out, "%s\n", json_text(explanation, "headline"));
    print_lines(out, json_object_get(explanation, "next"), "next: ");
    print_asked(out, explanation);
    print_jurors(out, explanation, "signers", "who signed, and what each had seen");
    print_jurors(out, explanation, "refusers", "who did not, and why");
    print_acts(out, explanation);
    print_receipt(out, explanation);
    print_rest(out, explanation);
    if (json_array_size(missing) > 0)
        fputs("\nwhat is not known here\n", out);
    print_lines(out, missing, "  ");
}
