/*
 * Planted bugs: `MUTANT(n)` is true in the one build variant that plants bug n, and the constant 0
 * in every other build, where the compiler leaves nothing of it. The numbers name rows of
 * docs/simulator.md.
 */
#ifndef PROTO_MUTANT_H
#define PROTO_MUTANT_H

#ifdef HOLDFAST_MUTANTS
extern int mutant_planted; /* set by the simulator before a run */
#define MUTANT(n) (mutant_planted == (n))
#else
#define MUTANT(n) 0
#endif

#endif
