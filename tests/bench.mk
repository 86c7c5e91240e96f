# Benchmarks: programs that print figures, never tests.
BENCHES := $(patsubst tests/bench/%.c,build/bench/%,$(wildcard tests/bench/*.c))

build/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	@$(say) CC $@
	$(Q)$(CC) $(BASE) $(CFLAGS_release) $(LDFLAGS_release) -pie $< -o $@

.PHONY: bench
bench: build/holdfastd build/holdfast $(BENCHES) ## figures: lock and unlock on 3 and 5 agents, idle cost
	@sh tests/bench/bench.sh build build/bench

.PHONY: bench-fence
bench-fence: build/holdfastd build/holdfast ## figures: twenty hand-overs on five lab machines (REPEAT, DETECT)
	@python3 tests/bench/bench_fence.py
