# Holdfast: one non-recursive Makefile. `make help` prints the lines marked with ##.
#
# Objects live in build/<variant>/; a variant is a set of flags: release (default), asan, mutants, fuzz.
# Nothing calls pkg-config here: the libraries' names on Debian 12 are fixed.

CC      ?= cc
V       ?= release
Q       := $(if $(VERBOSE),,@)
say      = $(if $(VERBOSE),:,printf '  %-5s %s\n')
B       := build/$(V)

WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wswitch-enum
HARDEN  := -fPIE -fstack-protector-strong -fcf-protection
BASE    := -std=gnu11 -D_GNU_SOURCE -I. -g $(WARN) $(HARDEN) $(if $(WERROR),-Werror)

CFLAGS_release  := -O2 -D_FORTIFY_SOURCE=2
CFLAGS_asan     := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_mutants  := -O2 -DHOLDFAST_MUTANTS
CFLAGS_fuzz     := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS_release := -Wl,-z,relro,-z,now
LDFLAGS_asan    := -fsanitize=address,undefined
LDFLAGS_mutants := -Wl,-z,relro,-z,now
LDFLAGS_fuzz    := -fsanitize=address,undefined

CFLAGS_ALL  = $(BASE) $(CFLAGS_$(V)) $(CFLAGS)
LDFLAGS_ALL = -pie $(LDFLAGS_$(V)) $(LDFLAGS)

src = $(wildcard $(1)/*.c)
obj = $(patsubst %.c,$(B)/%.o,$(1))

CRYPTO := $(call src,crypto)
PROTO  := $(call src,proto)
NODE   := $(call src,node)
# What only the executor has: the devices' secrets and their drivers; and what only the agent has.
EXECUTOR_ONLY := $(addprefix node/,executor_main.c executor_server.c fencer.c driver.c device.c secrets.c watcher.c \
                   acts.c transcript.c metadata.c inspector.c)
EXECUTOR_TOO  := $(addprefix node/,access.c clock.c config.c config_access.c config_advice.c config_device.c config_http.c config_setting.c \
                   daemon_options.c executor_wire.c fault.c http_listener.c identity.c journal_entry.c listener.c log.c notify.c \
                   udp_address.c watchdog_device.c)
SIM    := $(call src,sim)
LIB    := $(wildcard client/lib*.c) client/varlink.c
CLI    := $(filter-out $(LIB),$(call src,client))

LIBS_CORE := -lsodium
LIBS_NODE := -levent_core -levent_extra -ljansson -lconfuse -lsodium -lpthread
LIBS_CLI  := -ljansson -lsodium
LIBS_LIB  := -ljansson -lpthread

.DEFAULT_GOAL := all
.PHONY: all help clean
all: build/holdfastd build/holdfast-executor build/holdfast build/holdfast-sim build/libholdfast.a build/libholdfast.so ## build everything (the default)

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9_-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '  make %-20s %s\n' lint-NAME 'one linter alone: $(lint_parts)'

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@$(say) CC $@
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# -MMD does not see .incbin.
$(B)/node/describe.o: client/org.holdfast.varlink
$(B)/node/page.o: $(wildcard node/page/*)

$(B)/libcore.a: $(call obj,$(CRYPTO) $(PROTO))
	@$(say) AR $@
	@rm -f $@
	$(Q)ar rcs $@ $^

$(B)/holdfastd: $(call obj,$(filter-out $(EXECUTOR_ONLY),$(NODE))) $(B)/libcore.a
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_NODE) -o $@
$(B)/holdfast-executor: $(call obj,$(EXECUTOR_ONLY) $(EXECUTOR_TOO)) $(B)/libcore.a
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_NODE) -o $@
$(B)/holdfast: $(call obj,$(CLI) client/varlink.c) $(B)/libcore.a
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_CLI) -o $@
$(B)/holdfast-sim: $(call obj,$(SIM)) $(B)/libcore.a
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_CORE) -o $@

build/holdfastd build/holdfast-executor build/holdfast build/holdfast-sim: build/%: build/release/%
	@cp $< $@.new && mv $@.new $@

# The library, always of the release variant. Outside of it only hf_* is known: the shared one has its
# version script, and in the static one everything else becomes local to its one object.
LIB_OBJECTS := $(patsubst %.c,build/release/pic/%.o,$(LIB))
build/release/pic/%.o: %.c
	@mkdir -p $(@D)
	@$(say) CC $@
	$(Q)$(CC) $(BASE) $(CFLAGS_release) $(CFLAGS) -fPIC -MMD -MP -c $< -o $@
build/release/libholdfast.o: $(LIB_OBJECTS)
	@$(say) LD $@
	$(Q)$(LD) -r $^ -o $@ && objcopy --wildcard --keep-global-symbol='hf_*' $@
build/libholdfast.a: build/release/libholdfast.o
	@$(say) AR $@
	@rm -f $@
	$(Q)ar rcs $@ $^
build/libholdfast.so.0: $(LIB_OBJECTS) packaging/libholdfast.map
	@$(say) LD $@
	$(Q)$(CC) -shared $(LDFLAGS_release) $(LDFLAGS) -Wl,-z,defs -Wl,-soname,$(@F) \
	    -Wl,--version-script=packaging/libholdfast.map $(LIB_OBJECTS) $(LIBS_LIB) -o $@
build/libholdfast.so: build/libholdfast.so.0
	@ln -sf $(<F) $@

clean: ## remove everything that was built
	rm -rf build

-include packaging/install.mk $(wildcard tests/*.mk)
-include $(shell find build \( -path build/deb -o -path build/systemd \) -prune -o -name '*.d' -type f -print 2>/dev/null)
