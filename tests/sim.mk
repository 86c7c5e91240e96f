# The simulator's second binary and its runs. Bulk runs link a keyed hash behind crypto/seal.h and
# crypto/statement.h; the object stands before the library, so that the library's own are not taken.

$(B)/holdfast-sim-bulk: $(call obj,$(SIM)) $(B)/sim/bulk/fastcrypto.o $(B)/libcore.a
	$(CC) $(LDFLAGS_ALL) $^ $(LIBS_CORE) -o $@

SIM_SEED    ?= 1
SIM_SEEDS   ?= 2000
SIM_REAL    ?= 20
# Virtual: five minutes of faults and two of healing. `make test` takes shorter ones.
SIM_SECONDS ?= 420
SIM_RUN      = --seed $(SIM_SEED) --seeds $(SIM_REAL) --check-determinism --seconds $(SIM_SECONDS)

.PHONY: sim sim-scenarios sim-mutants mutants soak sim-speed sim-crowd
# One seed in a hundred runs with real crypto, twice, and must be the same run as with bulk crypto.
sim: $(B)/holdfast-sim $(B)/holdfast-sim-bulk sim-scenarios sim-crowd ## run the scenarios, then SIM_SEEDS simulated clusters from seed SIM_SEED on
	$(B)/holdfast-sim-bulk --seed $(SIM_SEED) --seeds $(SIM_SEEDS) --seconds $(SIM_SECONDS)
	@$(B)/holdfast-sim $(SIM_RUN) > $(B)/sim-real.txt; real=$$?; \
	$(B)/holdfast-sim-bulk $(SIM_RUN) > $(B)/sim-bulk.txt; \
	tail -n 1 $(B)/sim-real.txt; \
	[ $$real = 0 ] || { cat $(B)/sim-real.txt; exit $$real; }; \
	cmp $(B)/sim-real.txt $(B)/sim-bulk.txt

# Devices that lie, operators that are wrong, and watchdogs that stand, break what the design assumes: the
# observer has to see what comes of it, else it is blind.
sim-scenarios: $(B)/holdfast-sim-bulk ## run each directed scenario with five seeds
	@for s in $$($< --scenarios | cut -d' ' -f1); do \
		$< --scenario $$s --seeds 5 > $(B)/sim-scenario.txt; code=$$?; \
		echo "scenario $$s:"; tail -n 1 $(B)/sim-scenario.txt; \
		[ $$code = 0 ] || { cat $(B)/sim-scenario.txt; exit $$code; }; \
	done
	@$< --profile liars --must-break --seeds 500
	@$< --profile wrong-hands --must-break --seeds 500
	@$< --profile watchdog-stops --must-break --seeds 500

# Larger than what views tell each other whole: digests have to find what differs.
sim-crowd: $(B)/holdfast-sim-bulk ## membership of hundreds: a cold start, deaths, a cut
	@$< crowd --nodes 300 --cold --kill 3
	@$< crowd --nodes 300 --cut 100 --kill 0 --seconds 90
	@$< crowd --nodes 1000 --kill 10 --loss 10

sim-mutants: $(B)/libcore.a $(B)/holdfastd ## plant known bugs, and see that the simulator catches each (in short)
	@tests/sim/no_mutants.sh $^
	@$(MAKE) --no-print-directory V=mutants build/mutants/holdfast-sim-bulk
	@tests/sim/mutants.sh --quick build/mutants/holdfast-sim-bulk

mutants: ## plant known bugs: the standard portfolio and the scenarios against each, as a table
	@$(MAKE) --no-print-directory V=mutants build/mutants/holdfast-sim-bulk
	@tests/sim/mutants.sh build/mutants/holdfast-sim-bulk
	@tests/sim/regressions.sh build/mutants/holdfast-sim-bulk $(REGRESSIONS)

soak: $(B)/holdfast-sim-bulk ## new seeds until stopped (SIGINT), with a line every ten seconds
	$(B)/holdfast-sim-bulk --soak --must-cover --seconds $(SIM_SECONDS) $(if $(SOAK_SEED),--seed $(SOAK_SEED))

sim-speed: $(B)/holdfast-sim-bulk ## events a second, and how speed falls from 5 to 10,000 nodes
	@tests/sim/speed.sh $(B)/holdfast-sim-bulk
