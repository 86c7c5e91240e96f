#!/bin/bash
# Plants each known bug, sets the simulator on it, and prints who caught it: number, bug, check, where, after
# how many seeds; then the score and the median. Exit status 1 if one was not caught.
#
#   mutants.sh [--quick] BINARY      a holdfast-sim-bulk of the variant with planted bugs
#
# Each runs against the standard portfolio (seeds 1, 2, ... of all profiles, MUTANT_SEEDS at most). Where a rule
# has a scenario or a profile of its own, that must catch it too. --quick spares these the portfolio, and leaves
# out what is rare.
set -uo pipefail

quick=
[ "${1:-}" = --quick ] && quick=1 && shift
sim=$1
here=$(dirname "$0")
seeds=${MUTANT_SEEDS:-5000}

# Number, where else it must be caught (scenario/NAME, profile/NAME, story/NAME of tests/scenarios, or -), the bug.
# `only`: the portfolio is not expected to catch it. `rare`, `rare-stuck`: it takes the portfolio some hundred seeds. `stuck`: all
# its harm is that somebody gets no answer, so that counts.
table='
  1 -                           quorum = n/2
  2 -                           promise not durable
  3 -                           accept not durable before it is acknowledged
  5 -                           accept erases the shard'"'"'s promise
  6 -                           accept ignores ballots
  8 -                           recovery takes any reply, not the highest
  9 -                           cached value used at a new ballot
 10 -                           no sequence check within a ballot
 13 -                           "held" told from a minority value
 16 -                           an amnesiac voter votes under its old identity
 18 rare                        a corrupt record is answered as absent
 19 scenario/away               a lock is forgotten at a majority, not at all voters
 21 scenario/forgotten          a lock that was forgotten begins with token 0
 31 -                           quorum size from the count of the living
 32 -                           a fence order is accepted for an old life
 33 -                           a receipt is matched by node, not by life
 34 scenario/writer             a receipt is signed before the power effect
 35 scenario/hang               a driver'"'"'s time-out counts as success
 36 scenario/agent-restart      an agent'"'"'s restart is treated as the end of a life
 39 scenario/forgeries          a signer is counted twice
 40 -                           a juror signs on hearsay
 41 only:scenario/bound         a node under an order goes on signing
 43 scenario/forgeries          the cluster'"'"'s id is not in signatures
 44 -                           a failed sync is retried and acknowledged
 50 only:scenario/late-answers  an answer to an earlier reading counts for a later one
 60 scenario/two-cuts           a juror acknowledges renewals again after its vote
 61 only:scenario/never-true    voters guess breaks by comparing
 62 scenario/parent-dies        a hold is released when its parent dies
 63 -                           CW is taken to be compatible with PR
 64 -                           counted holders are one more than their limit
 65 scenario/old-accept         what was dropped is stored again (no mark)
 66 rare                        a voter drops whatever version it has
 67 -                           the unclean mark is forgotten
 68 rare                        a forgotten lock'"'"'s token counts as granted since
 75 profile/leases              a lease is believed from when its answer came
 76 profile/leases              a new coordinator lets go at once
 77 profile/leases              a renewal is answered without a majority
 78 only:story/let-go-late      a lease is let go without the ballot being confirmed after its end
 80 stuck                       two that convert wait for each other
 81 -                           another mark than the one named is cleared
 82 -                           a change is applied twice
 83 -                           a refused hand-over'"'"'s duplicate moves the hold
 84 -                           a change is asked for before it is durable
 85 -                           the generation does not rise with a conversion
 86 -                           the value stays valid over an unclean end
 87 -                           a conversion is told before a majority holds it
 88 stuck                       a recall of what is cached is ignored
 89 profile/cached              to let a client in counts as a renewal
 90 profile/cached              a recall takes what a client uses
 91 profile/cached              a new run gives back what clients of the last one hold
 92 scenario/gossip             a word about a member needs no signature
 93 scenario/gossip             leaving is not signed
 94 only:scenario/gossip        a death that comes late is believed at once
 95 only:scenario/clone         what a cloned node says counts
 96 only:scenario/clone         a cloned node does not abstain
 97 scenario/quick-restarts     a start that was heard lately is taken to live
 98 rare                        a release is told before it is written
100 -                           a relay relays what was relayed
101 -                           what a relay brings has no replay window
102 rare-stuck                  there is no fall-back to a second relay
103 stuck                       the direct way is never taken again
105 -                           an executor takes its agent'"'"'s word for the votes
106 -                           an executor acts again on the same order
107 -                           a certificate serves for another node or life
108 -                           an executor acts on its own node
110 only:profile/sessions       a receipt about one session ends all that its life holds
111 only:profile/sessions       a receipt about one session is matched by its life
112 only:profile/sessions       a juror acknowledges renewals after a vote against a session
120 only:profile/watchdog       a juror says too early that it was silent for long enough
121 only:scenario/unkillable    a watchdog is petted without standing
122 only:profile/watchdog       B rests on the time-out that was asked for
130 scenario/frozen             a freeze is ignored
132 profile/operators           a freeze is forgotten with a restart
133 profile/operators           maintenance is ignored
134 profile/operators           an operator'"'"'s request replaces all of F2
135 only:scenario/wrong-word    an operator is believed in any case
140 -                           an order is not in the fence log
141 -                           a refusal is logged as a vote
142 -                           what is freed is logged under another life
145 -                           a juror does not wait for V since the last renewal
146 only:scenario/executor-dies nobody takes over from an executor that began
147 scenario/restarts           a vote is forgotten when its juror restarts
148 only:scenario/forgeries     an order of an earlier roster binds
150 profile/readers             a reader that leaves takes the hold along
151 scenario/readers            a recall keeps out nobody who reads beside others
152 only:profile/readers        a reader believes for a TTL of its own
153 only:scenario/readers-cut-off one of several readers hears that it is lost
154 only:scenario/counted-apart one count serves all of a node
160 -                           a juror votes when D is over, while its holder stands
161 only:scenario/blips         a holder stops when D is over
162 only:scenario/blips         renewals are D/3 apart
163 only:scenario/ladder        the ladder ends at its first rung
164 only:scenario/mid-action    a second executor begins beside one that began
165 only:scenario/two-begin     two executors that began wait for each other
166 -                           a juror says yes to two executors at a time
170 -                           a provisional grant is believed without the own vote
171 -                           a vote for another state makes a grant true
172 -                           the asker'"'"'s own vote counts twice
173 -                           no lease for what was told provisionally
175 only:scenario/bad-link      who does not refute never does again
176 only:scenario/bad-link      whoever is accused refutes, however bad its link
177 only:scenario/short-cuts    who has to refute once in trouble is silent
178 only:scenario/short-cuts    a link that is well again clears no count
181 only:scenario/unborn        a life below one that was voted against is stored
182 only:scenario/lost-under-way a life that knows nothing of those before it ends them by surrendering
183 only:scenario/start-under-order an order is forgotten when its target'"'"'s agent restarts
185 only:scenario/full          floors take the places of locks
186 rare-only:profile/leases    a waiter under expire is told of its grant before that is durable
190 -                           an executor that hung acts when it goes on
'
caught=0 planted=0
afters=()
printf '%3s  %-52s %-6s %s\n' no. 'planted bug' check caught

# attempt NUMBER BUG NEEDED ARGUMENT...: one line of the table; NEEDED is empty if a miss is no failure.
attempt() {
    local number=$1 bug=$2 needed=$3 line where
    shift 3
    where="${*:-portfolio}"
    where=${where//--/}
    line=$("$sim" --mutant "$number" --seeds "$seeds" "$@" | grep '^mutant')
    if [[ $line =~ caught\ by\ ([A-Za-z0-9]+)\ at\ seed\ ([0-9]+)\ after\ ([0-9]+) ]]; then
        printf '%3d  %-52s %-6s %s, seed %s, after %s\n' "$number" "$bug" "${BASH_REMATCH[1]}" "$where" \
            "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
        after=${BASH_REMATCH[3]}
        return 0
    fi
    printf '%3d  %-52s %-6s %s, %s seeds\n' "$number" "$bug" "${needed:+MISSED}" "not by the $where" "$seeds"
    return 1
}

# in_story NUMBER BUG NAME: the same of a scenario in the language of docs/simulator.md, which is one run.
in_story() {
    local number=$1 bug=$2 name=$3 story=$here/../scenarios/$3.hf said check
    check=$(sed -n '1s/^# \([A-Za-z0-9]*\):.*/\1/p' "$story")
    said=$("$sim" run "$story" --mutant "$number" --quiet 2>&1)
    after=1
    if [[ $said == *"$check is broken"* ]]; then
        printf '%3d  %-52s %-6s %s\n' "$number" "$bug" "$check" "story $name"
        return 0
    fi
    printf '%3d  %-52s %-6s %s\n' "$number" "$bug" MISSED "not by the story $name"
    return 1
}

while read -r number place bug; do
    [ -n "$number" ] || continue
    if [[ $place = rare* ]]; then
        [ -n "$quick" ] && continue
        place=${place#rare}
        place=${place#-}
        place=${place:--}
    fi
    planted=$((planted + 1))
    found=1 after=0 only=
    [[ $place = only:* ]] && only=1
    if [ "$place" = stuck ]; then
        attempt "$number" "$bug" needed --stuck-counts || found=
        place=-
    elif [ -z "$only" ] && { [ -z "$quick" ] || [ "$place" = - ]; }; then
        attempt "$number" "$bug" needed || found=
    elif [ -z "$quick" ]; then
        attempt "$number" "$bug" ""
    fi
    place=${place#only:}
    if [[ $place = story/* ]]; then
        in_story "$number" "$bug" "${place#*/}" || found=
    elif [ "$place" != - ]; then
        attempt "$number" "$bug" needed "--${place%/*}" "${place#*/}" || found=
    fi
    [ -n "$found" ] && caught=$((caught + 1))
    afters+=("$after")
done <<<"$table"

median=$(printf '%s\n' "${afters[@]}" | sort -n | awk '{n[NR] = $1} END {print n[int((NR + 1) / 2)]}')
echo "not yet: 23 25 26 30 (the roster does not change)"
echo "mutation score $caught/$planted, median $median seeds"
echo "mutants: $caught passed, $((planted - caught)) failed"
[ "$caught" -eq "$planted" ]
