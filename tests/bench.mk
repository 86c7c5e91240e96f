# Benchmarks: programs that print figures, never tests.
BENCHES := $(patsubst tests/bench/%.c,build/bench/%,$(wildcard tests/bench/bench_*.c))

build/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	@$(say) CC $@
	$(Q)$(CC) $(BASE) $(CFLAGS_release) $(LDFLAGS_release) -pie $< -o $@

# Holdfast beside other systems. Their client libraries are optional (packaging/packages-bench.txt): what is
# missing when this is built is left out, with a word.
PEERS          := $(patsubst %.c,build/release/%.o,$(wildcard tests/bench/peer_*.c))
PEERS_THERE    := $(wildcard /usr/bin/etcd /usr/share/java/zookeeper.jar /usr/bin/redis-server)
PEER_ZOOKEEPER := $(wildcard /usr/lib/*/libzookeeper_st.so)
PEER_REDIS     := $(wildcard /usr/lib/*/libhiredis.so)
LIBS_PEERS     := -levent_core -levent_extra $(if $(PEER_ZOOKEEPER),-lzookeeper_st) $(if $(PEER_REDIS),-lhiredis)

build/release/tests/bench/peer_zookeeper.o: CFLAGS += $(if $(PEER_ZOOKEEPER),,-DPEER_WITHOUT_ZOOKEEPER)
build/release/tests/bench/peer_redlock.o: CFLAGS += $(if $(PEER_REDIS),,-DPEER_WITHOUT_REDIS)
build/bench/peers: $(PEERS)
	@mkdir -p $(@D)
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_PEERS) -o $@

# Whole peers in one process.
build/bench/bench_forget: tests/bench/bench_forget.c $(B)/libcore.a
	@mkdir -p $(@D)
	@$(say) CC $@
	$(Q)$(CC) $(BASE) $(CFLAGS_release) $(LDFLAGS_release) -pie $^ $(LIBS_CORE) -o $@

.PHONY: bench-forget
bench-forget: build/bench/bench_forget ## figures: names that are used once, at three rates, forgotten and not
	@for run in "5 500 1 0" "5 500 1 60" "5 20000 1000 0" "5 20000 1000 60" "5 100000 1000 60"; do \
		echo "nodes, names, names a second, seconds until forgotten: $$run"; $< $$run || exit 1; done

.PHONY: bench
bench: build/holdfastd build/holdfast $(BENCHES) ## figures: lock and unlock on 3 and 5 agents, idle cost; bench-peers, if one is there
	@sh tests/bench/bench.sh build build/bench
	@$(if $(PEERS_THERE),$(MAKE) --no-print-directory bench-peers,echo "No other lock service is installed (packaging/packages-bench.txt).")

.PHONY: bench-peers
bench-peers: build/holdfastd build/holdfast build/bench/peers ## Holdfast beside etcd, ZooKeeper, Redlock (REPEAT, SECONDS, NAMES, SYSTEMS, WORKLOADS)
	@HOLDFAST_BUILD=build build/bench/peers

.PHONY: bench-fence
bench-fence: build/holdfastd build/holdfast ## figures: twenty hand-overs on five lab machines (REPEAT, DETECT)
	@python3 tests/bench/bench_fence.py

# The exit code of a row that misses its aim does not stop the others: these are figures.
.PHONY: bench-fencing
bench-fencing: build/holdfastd build/holdfast $(B)/holdfast-sim-bulk ## figures of fencing: simulated at 5 and 100 nodes, live on five with a device of 3 s (FENCING_LARGE=1000: also so many, 6 GB and 20 minutes)
	-@$(B)/holdfast-sim-bulk fencing --nodes 5 --trials 100
	-@$(B)/holdfast-sim-bulk fencing --nodes 5 --trials 100 --play passing --watchdogs
	-@$(B)/holdfast-sim-bulk fencing --nodes 100 --trials 5
	-@$(B)/holdfast-sim-bulk fencing --nodes 100 --trials 5 --play passing --watchdogs
	-@for nodes in $(FENCING_LARGE); do \
	    $(B)/holdfast-sim-bulk fencing --nodes $$nodes --trials 5 --play passing; \
	    $(B)/holdfast-sim-bulk fencing --nodes $$nodes --trials 5 --play passing --watchdogs; \
	    $(B)/holdfast-sim-bulk fencing --nodes $$nodes --play idle; done
	@DEVICE=3000 REPEAT=5 python3 tests/bench/bench_fence.py

.PHONY: bench-membership
bench-membership: $(B)/holdfast-sim-bulk ## membership in the simulator beside memberlist, the whole table (SEEDS, ROWS, LARGE, JOBS, MODES)
	@tests/bench/membership.py $<

.PHONY: bench-members
bench-members: build/holdfastd build/holdfast ## membership beside serf: kills, CPU, memory, bytes (SIZES, KILLS, QUIET, SEED)
	@python3 tests/bench/bench_members.py
