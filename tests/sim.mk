# The simulator's second binary and its runs. Bulk runs link a keyed hash behind crypto/seal.h and
# crypto/statement.h; the object stands before the library, so that the library's own are not taken.

$(B)/holdfast-sim-bulk: $(call obj,$(SIM)) $(B)/sim/bulk/fastcrypto.o $(B)/libcore.a
	$(CC) $(LDFLAGS_ALL) $^ $(LIBS_CORE) -o $@

SIM_SEED  ?= 1
SIM_SEEDS ?= 2000
SIM_REAL  ?= 20
SIM_MUTANTS := 1 2 5 9 10

.PHONY: sim sim-mutants
sim: $(B)/holdfast-sim $(B)/holdfast-sim-bulk ## run the simulator: SIM_SEEDS seeds from SIM_SEED, one in a hundred with real crypto
	$(B)/holdfast-sim-bulk --seed $(SIM_SEED) --seeds $(SIM_SEEDS)
	$(B)/holdfast-sim --seed $(SIM_SEED) --seeds $(SIM_REAL) --check-determinism

sim-mutants: ## plant each bug and see that the simulator catches it
	$(MAKE) V=mutants build/mutants/holdfast-sim-bulk
	@for n in $(SIM_MUTANTS); do build/mutants/holdfast-sim-bulk --mutant $$n --seeds 5000 || exit 1; done
