# The tests as a whole: what is run for a change (`make test`), under the sanitizers (`make asan`), for a
# merge (`make ci`). Each layer's own targets are in its own .mk file:
# check-unit, sim, sim-mutants, check-system.

# Jobs for building, unless the caller has said how many.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

ASAN_TESTS ?= test_lab test_lock
ASAN_SEEDS ?= 20
TEST_SECONDS ?= 220
TEST_SEEDS ?= 200

TEST_BUILDS = all $(UNIT_RUNNERS) $(B)/holdfast-sim $(B)/holdfast-sim-bulk $(SYSTEM_BUILDS)

.PHONY: test check-sim asan ci

# What the layers run is built beforehand, by all cores.
test: ## everything: unit, simulator, planted bugs, real agents; ends in "N passed, N failed"
	@$(MAKE) --no-print-directory $(jobs) $(TEST_BUILDS)
	@$(MAKE) --no-print-directory $(jobs) V=mutants build/mutants/holdfast-sim-bulk
	@SIM_SECONDS=$(TEST_SECONDS) SIM_SEEDS=$(TEST_SEEDS) MAKE="$(MAKE)" tests/summary.sh check-unit sim sim-mutants check-system

check-sim: sim sim-mutants ## the simulator alone: seeds, then the planted bugs

asan: ## under the sanitizers: unit tests, some seeds, real agents in short
	@$(MAKE) --no-print-directory $(jobs) V=asan build/asan/holdfastd build/asan/holdfast-executor build/asan/holdfast build/asan/holdfast-sim
	@$(MAKE) --no-print-directory V=asan check-unit
	build/asan/holdfast-sim --seeds $(ASAN_SEEDS)
	HOLDFAST_BUILD=build/asan python3 tests/system/run.py $(ASAN_TESTS)

ci: ## what a merge needs, from nothing: lint, tests with -Werror, sanitizers
	@$(MAKE) --no-print-directory clean
	@$(MAKE) --no-print-directory WERROR=1 lint
	@$(MAKE) --no-print-directory WERROR=1 test
	@$(MAKE) --no-print-directory WERROR=1 asan
