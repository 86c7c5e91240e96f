# What the tests of the library drive, and the examples, linked as programs of users are.
EXAMPLES := $(patsubst client/examples/%.c,build/examples/%,$(wildcard client/examples/*.c))

$(B)/tests/libshell: $(B)/tests/support/libshell.o $(call obj,$(LIB))
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_LIB) -o $@
build/tests/libshell: build/release/tests/libshell
	@mkdir -p $(@D)
	@cp $< $@.new && mv $@.new $@

# A wall clock that is wrong, before an agent.
build/tests/wall.so: tests/support/wall.c
	@mkdir -p $(@D)
	@$(say) CC $@
	$(Q)$(CC) $(BASE) -O2 -fPIC -shared $< -o $@

build/examples/%: client/examples/%.c client/holdfast.h build/libholdfast.so
	@mkdir -p $(@D)
	@$(say) CC $@
	$(Q)$(CC) $(BASE) -O2 -Iclient $< -pie -Lbuild -lholdfast -Wl,-rpath,'$$ORIGIN/..' -o $@

SYSTEM_BUILDS := build/tests/libshell build/tests/wall.so $(EXAMPLES)

.PHONY: check-system
check-system: all $(SYSTEM_BUILDS) ## end-to-end tests on real agents (TESTS=pattern runs some)
	@python3 tests/system/run.py $(TESTS)

.PHONY: check-systemd
check-systemd: all deb ## the packages in containers under a real systemd (root, debootstrap, systemd-container; minutes)
	@python3 tests/systemd/trial.py build/systemd
