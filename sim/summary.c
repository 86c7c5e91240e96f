/* What runs amount to: see summary.h. */
#include "sim/summary.h"

static void json_text(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    putc('"', out);
}

void summary_print_run_json(const struct run_result *r, FILE *out)
{
    const struct figures *f = &r->figures;
    fprintf(out,
            "{\"seed\":%llu,\"code\":%d,\"check\":\"%s\",\"text\":", (unsigned long long)r->seed,
            r->verdict.code, r->verdict.check);
    json_text(out, r->verdict.text);
    fprintf(out,
            ",\"hash\":\"%016llx\",\"events\":%llu,\"datagrams\":%llu,\"grants\":%llu,"
            "\"changes\":%llu,\"shows\":%llu,\"crashes\":%llu,\"cuts\":%llu,\"takeovers\":%llu,"
            "\"ghosts\":%llu,\"tears\":%llu,"
            "\"orders\":%llu,\"kills\":%llu,\"strays\":%llu,\"receipts\":%llu,\"ends\":%llu,"
            "\"broken\":%llu,\"live\":",
            (unsigned long long)r->hash, (unsigned long long)f->events,
            (unsigned long long)f->datagrams, (unsigned long long)f->grants,
            (unsigned long long)f->changes, (unsigned long long)f->shows,
            (unsigned long long)f->crashes, (unsigned long long)f->cuts,
            (unsigned long long)f->takeovers, (unsigned long long)f->ghosts,
            (unsigned long long)f->tears, (unsigned long long)f->orders,
            (unsigned long long)f->kills, (unsigned long long)f->strays,
            (unsigned long long)f->receipts, (unsigned long long)f->ends,
            (unsigned long long)f->broken);
    live_print_json(&f->live, out);
    fprintf(out, "}\n");
}

void summary_add(struct figures *sum, const struct figures *f)
{
    sum->events += f->events;
    sum->datagrams += f->datagrams;
    sum->grants += f->grants;
    sum->grants_local += f->grants_local;
    sum->provisional += f->provisional;
    sum->drops += f->drops;
    sum->shows += f->shows;
    sum->changes += f->changes;
    sum->validations += f->validations;
    sum->crashes += f->crashes;
    sum->cuts += f->cuts;
    sum->takeovers += f->takeovers;
    sum->ghosts += f->ghosts;
    sum->tears += f->tears;
    sum->chosen += f->chosen;
    sum->seconds += f->seconds;
    sum->lives += f->lives;
    sum->votes += f->votes;
    sum->orders += f->orders;
    sum->false_votes += f->false_votes;
    sum->false_orders += f->false_orders;
    sum->runs += f->runs;
    sum->kills += f->kills;
    sum->strays += f->strays;
    sum->receipts += f->receipts;
    sum->session_runs += f->session_runs;
    sum->session_receipts += f->session_receipts;
    sum->ends += f->ends;
    sum->surrenders += f->surrenders;
    sum->broken += f->broken;
    sum->lost += f->lost;
    sum->lies += f->lies;
    sum->forgeries += f->forgeries;
    sum->inhibitors += f->inhibitors;
    sum->confirmed += f->confirmed;
    sum->wrong += f->wrong;
    sum->forgotten += f->forgotten;
    sum->let_go += f->let_go;
    sum->anew += f->anew;
    sum->sieges += f->sieges;
    sum->linear += f->linear;
    sum->linear_given_up += f->linear_given_up;
    sum->blind += f->blind;
    coverage_add(&sum->coverage, &f->coverage);
    if (f->margin && f->margin < sum->margin)
        sum->margin = f->margin;
    sum->pets += f->pets;
    sum->fired += f->fired;
    sum->watchdog_receipts += f->watchdog_receipts;
    if (f->silence_margin < sum->silence_margin)
        sum->silence_margin = f->silence_margin;
}

void summary_print_bound(uint64_t seeds, uint64_t failures, FILE *out)
{
    if (failures == 0 && seeds >= 30) /* below, 3/n is not near the exact bound */
        fprintf(out, "0 of %llu failed: failures are rarer than 1 in %llu, at 95 %%\n",
                (unsigned long long)seeds, (unsigned long long)(seeds / 3));
}

void summary_print_json(const struct summary *s, FILE *out)
{
    const struct figures *f = s->sum;
    fprintf(out,
            "{\"summary\":true,\"seeds\":%llu,\"failures\":%llu,\"missed\":%llu,\"seconds\":%llu,"
            "\"events\":%llu,\"sieges\":%llu,\"linear\":%llu,\"rarer_than_one_in\":%llu,"
            "\"hash\":\"%016llx\",\"live\":",
            (unsigned long long)s->seeds, (unsigned long long)s->failures,
            (unsigned long long)s->missed, (unsigned long long)f->seconds,
            (unsigned long long)f->events, (unsigned long long)f->sieges,
            (unsigned long long)f->linear, (unsigned long long)(s->failures ? 0 : s->seeds / 3),
            (unsigned long long)s->hash);
    live_print_json(&f->live, out);
    fprintf(out, "}\n");
}

static void print_fencing(const struct figures *f, FILE *out)
{
    fprintf(
        out,
        "%llu lives, %llu by surrender; %llu votes, %llu of them false, %llu orders, %llu "
        "false; %llu drivers run, "
        "%llu machines switched off, %llu of them strays; %llu receipts, %llu on lies, %llu end "
        "statements; %llu holds broken, %llu guests stopped, %llu forgeries refused; operators: "
        "%llu freezes and the like, %llu confirmations, %llu of them wrong (A4)\n",
        (unsigned long long)f->lives, (unsigned long long)f->surrenders,
        (unsigned long long)f->votes, (unsigned long long)f->false_votes,
        (unsigned long long)f->orders, (unsigned long long)f->false_orders,
        (unsigned long long)f->runs, (unsigned long long)f->kills, (unsigned long long)f->strays,
        (unsigned long long)f->receipts, (unsigned long long)f->lies, (unsigned long long)f->ends,
        (unsigned long long)f->broken, (unsigned long long)f->lost,
        (unsigned long long)f->forgeries, (unsigned long long)f->inhibitors,
        (unsigned long long)f->confirmed, (unsigned long long)f->wrong);
    if (f->session_runs)
        fprintf(out, "%llu drivers run to end one session, %llu receipts of that\n",
                (unsigned long long)f->session_runs, (unsigned long long)f->session_receipts);
    if (f->margin < INT64_MAX)
        fprintf(out,
                "least margin between a guest's end and the grant that followed its broken hold: "
                "%lld.%03lld ms\n",
                (long long)f->margin / 1000000, (long long)f->margin / 1000 % 1000);
}

static void print_watchdogs(const struct figures *f, FILE *out)
{
    if (f->pets == 0)
        return;
    fprintf(out, "%llu pets of watchdogs, %llu fired; %llu receipts by them",
            (unsigned long long)f->pets, (unsigned long long)f->fired,
            (unsigned long long)f->watchdog_receipts);
    if (f->silence_margin < INT64_MAX)
        fprintf(out, ", the least margin after the life's end: %lld.%03lld ms",
                (long long)f->silence_margin / 1000000, (long long)f->silence_margin / 1000 % 1000);
    fputc('\n', out);
}

void summary_print(const struct summary *s, FILE *out)
{
    const struct figures *f = s->sum;
    uint64_t seconds = f->seconds;
    fprintf(out,
            "%llu grants, %llu by their node alone, %llu told but for their asker's vote, %llu "
            "releases, %llu changes, %llu shows, %llu "
            "stamps validated; %llu "
            "crashes, "
            "%llu cuts, %llu take-overs, %llu ghosts, %llu torn logs; %llu datagrams, %llu chosen "
            "values; %llu seeds missed a fault\n",
            (unsigned long long)f->grants, (unsigned long long)f->grants_local,
            (unsigned long long)f->provisional, (unsigned long long)f->drops,
            (unsigned long long)f->changes, (unsigned long long)f->shows,
            (unsigned long long)f->validations, (unsigned long long)f->crashes,
            (unsigned long long)f->cuts, (unsigned long long)f->takeovers,
            (unsigned long long)f->ghosts, (unsigned long long)f->tears,
            (unsigned long long)f->datagrams, (unsigned long long)f->chosen,
            (unsigned long long)s->missed);
    print_fencing(f, out);
    print_watchdogs(f, out);
    fprintf(out,
            "%llu registers dropped, %llu stored where some had been dropped; %llu free names were "
            "gone everywhere at the end\n",
            (unsigned long long)f->forgotten, (unsigned long long)f->anew,
            (unsigned long long)f->let_go);
    if (f->blind)
        fprintf(out, "%llu runs ended early, since nobody could tell an old copy of a store\n",
                (unsigned long long)f->blind);
    fprintf(out, "%llu sieges; the calls of %llu names were put in order",
            (unsigned long long)f->sieges, (unsigned long long)f->linear);
    if (f->linear_given_up)
        fprintf(out, ", and those of %llu were too many", (unsigned long long)f->linear_given_up);
    fputc('\n', out);
    live_print(&f->live, out);
    summary_print_bound(s->seeds, s->failures, out);
    if (s->coverage)
        coverage_print(&f->coverage, out);
    fprintf(out,
            "%llu seeds, %llu.%llu simulated hours, %llu events, %llu failures, hash %016llx\n",
            (unsigned long long)s->seeds, (unsigned long long)(seconds / 3600),
            (unsigned long long)(seconds % 3600 / 360), (unsigned long long)f->events,
            (unsigned long long)s->failures, (unsigned long long)s->hash);
}
