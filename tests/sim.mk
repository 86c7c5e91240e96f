# The simulator's second binary and its runs. Bulk runs link a keyed hash behind crypto/seal.h and
# crypto/statement.h; the object stands before the library, so that the library's own are not taken.

$(B)/holdfast-sim-bulk: $(call obj,$(SIM)) $(B)/sim/bulk/fastcrypto.o $(B)/libcore.a
	$(CC) $(LDFLAGS_ALL) $^ $(LIBS_CORE) -o $@

SIM_SEED    ?= 1
SIM_SEEDS   ?= 2000
SIM_REAL    ?= 20
SIM_MUTANTS := 1 2 5 9 10 32 33 34 35 36 39 40 43 60 62
# SCENARIO:MUTANT; a scenario fails when its rule is taken out.
SIM_PLAYS   := writer:34 hang:35 two-cuts:60 never-true:61 parent-dies:62 agent-restart:36 \
               bound:41 forgeries:43 forgeries:39
SIM_RUN      = --seed $(SIM_SEED) --seeds $(SIM_REAL) --check-determinism

.PHONY: sim sim-scenarios sim-mutants
# One seed in a hundred runs with real crypto, twice, and must be the same run as with bulk crypto.
sim: $(B)/holdfast-sim $(B)/holdfast-sim-bulk sim-scenarios ## run the scenarios, then SIM_SEEDS simulated clusters from seed SIM_SEED on
	$(B)/holdfast-sim-bulk --seed $(SIM_SEED) --seeds $(SIM_SEEDS)
	@$(B)/holdfast-sim $(SIM_RUN) > $(B)/sim-real.txt; real=$$?; \
	$(B)/holdfast-sim-bulk $(SIM_RUN) > $(B)/sim-bulk.txt; \
	tail -n 1 $(B)/sim-real.txt; \
	[ $$real = 0 ] || { cat $(B)/sim-real.txt; exit $$real; }; \
	cmp $(B)/sim-real.txt $(B)/sim-bulk.txt

# Devices that lie break what the design assumes: the observer has to see S1 broken, else it is blind.
sim-scenarios: $(B)/holdfast-sim-bulk ## run each directed scenario with five seeds
	@for s in $$($< --scenarios | cut -d' ' -f1); do \
		$< --scenario $$s --seeds 5 > $(B)/sim-scenario.txt; code=$$?; \
		echo "scenario $$s:"; tail -n 1 $(B)/sim-scenario.txt; \
		[ $$code = 0 ] || { cat $(B)/sim-scenario.txt; exit $$code; }; \
	done
	@$< --profile liars --must-break --seeds 500

sim-mutants: ## plant known bugs, and see that the simulator catches each
	$(MAKE) V=mutants build/mutants/holdfast-sim-bulk
	@for n in $(SIM_MUTANTS); do \
		build/mutants/holdfast-sim-bulk --mutant $$n --seeds 5000 || exit 1; \
	done
	@for p in $(SIM_PLAYS); do \
		build/mutants/holdfast-sim-bulk --mutant $${p#*:} --scenario $${p%:*} --seeds 20 || exit 1; \
	done
	@build/mutants/holdfast-sim-bulk --mutant 50 --profile forgetful --seeds 5000
