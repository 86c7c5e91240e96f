# Fuzzing. Each tests/fuzz/fuzz_X.c is a libFuzzer target build/fuzz/fuzz_X; each tests/fuzz/seed_*.c a
# program that writes seeds for some X into build/fuzz/corpus/X. All are built by clang, in their own
# variant; asked for under another one, make starts itself again with V=fuzz.

FUZZ_CC      ?= clang
FUZZ_SECONDS ?= 30
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SEEDS   := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/seed_*.c))

# What a program needs beside the core: objects here, libraries in LIBS_FUZZ_<name>.
FUZZ_WITH_fuzz_frame := node/frame.c
LIBS_FUZZ_fuzz_frame := -ljansson
FUZZ_WITH_fuzz_http := node/http_request.c
FUZZ_WITH_fuzz_client := node/holder.c node/cgroup.c node/render_hold.c
FUZZ_WITH_seed_client := node/holder.c
FUZZ_WITH_fuzz_reply := client/lib_reply.c client/lib_base64.c client/varlink.c
LIBS_FUZZ_fuzz_reply := -ljansson
FUZZ_WITH_fuzz_story = $(STORY_PURE)
FUZZ_WITH_fuzz_members := $(addprefix client/,member_list.c table.c color.c agent.c fence_text.c refused.c command.c \
                        varlink.c)
LIBS_FUZZ_fuzz_members := -ljansson
FUZZ_WITH_fuzz_why   := $(wildcard client/why*.c) $(addprefix client/,member_text.c fence_text.c agent.c refused.c \
                        command.c varlink.c)
LIBS_FUZZ_fuzz_why   := -ljansson
FUZZ_WITH_fuzz_executor := $(addprefix node/,executor_wire.c acts.c fault.c)
FUZZ_WITH_seed_executor := $(FUZZ_WITH_fuzz_executor)
FUZZ_WITH_fuzz_device := $(addprefix node/,device.c config_device.c secrets.c metadata.c watcher.c clock.c log.c journal_entry.c fault.c)
LIBS_FUZZ_fuzz_device := -lconfuse -levent_core

FUZZ_WITH_fuzz_verify := $(addprefix client/,fence_verify.c fence_text.c agent.c refused.c command.c varlink.c)
LIBS_FUZZ_fuzz_verify := -ljansson

.PHONY: fuzz fuzz-programs
fuzz: fuzz-programs ## run each fuzz target for FUZZ_SECONDS (30); findings go to build/fuzz/findings
	@tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

ifeq ($(V),fuzz)

fuzz-programs: $(FUZZ_TARGETS) $(FUZZ_SEEDS) ## build the fuzz targets and what writes their seeds, run nothing

$(B)/fuzz-must.a: $(B)/tests/fuzz/must.o
	@$(say) AR $@
	@rm -f $@
	$(Q)ar rcs $@ $^

.SECONDEXPANSION:
$(FUZZ_TARGETS): build/fuzz/%: $(B)/tests/fuzz/%.o $$(call obj,$$(FUZZ_WITH_$$*)) $(B)/libcore.a $(B)/fuzz-must.a
	@$(say) LD $@
	$(Q)$(CC) -fsanitize=fuzzer $(LDFLAGS_ALL) $^ $(LIBS_CORE) $(LIBS_FUZZ_$*) -o $@
$(FUZZ_SEEDS): build/fuzz/%: $(B)/tests/fuzz/%.o $$(call obj,$$(FUZZ_WITH_$$*)) $(B)/libcore.a $(B)/fuzz-must.a
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_CORE) $(LIBS_FUZZ_$*) -o $@

else

.PHONY: $(FUZZ_TARGETS) $(FUZZ_SEEDS)
fuzz-programs $(FUZZ_TARGETS) $(FUZZ_SEEDS):
	@$(MAKE) --no-print-directory V=fuzz CC=$(FUZZ_CC) $@

endif
