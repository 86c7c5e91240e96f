# The unit tests: every tests/unit/test_*.c, in one runner (tests/unit/main.c).
#
# The list of suites is read out of the files, so a new file needs no entry anywhere. node/ and client/
# have names in common, so tests that include something of client/ make a second runner, linked with
# client/ in the place of node/.

UNIT_FILES   := $(wildcard tests/unit/*.c)
UNIT_CLIENT  := $(if $(UNIT_FILES),$(shell grep -l '^#include "client/' $(UNIT_FILES)))
UNIT_NODE    := $(filter-out $(UNIT_CLIENT) tests/unit/main.c,$(UNIT_FILES))
UNIT_RUNNERS := $(B)/unit $(B)/unit-client
LIBS_CHECK   := -Wl,--wrap=_mark_point -lcheck_pic -lsubunit -lrt -lm -lpthread

# SUITE(name) for each `Suite *suite_name(void)` that is defined in a test.
define list_suites
	@mkdir -p $(@D)
	@sed -n 's/^Suite \*suite_\([a-z0-9_]*\)(void)$$/SUITE(\1)/p' $(filter %.c,$^) > $@
endef

$(B)/tests/node/suites.h: $(UNIT_NODE) tests/unit
	$(list_suites)
$(B)/tests/client/suites.h: $(UNIT_CLIENT) tests/unit
	$(list_suites)

$(B)/tests/%/main.o: tests/unit/main.c $(B)/tests/%/suites.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -I$(B)/tests/$* -MMD -MP -c $< -o $@

# STORY_PURE is of tests/stories.mk, which is read before.
$(B)/unit: $(B)/tests/node/main.o $(call obj,$(UNIT_NODE) $(filter-out node/main.c node/executor_main.c,$(NODE)) $(STORY_PURE)) $(B)/libcore.a
	$(CC) $(LDFLAGS_ALL) $^ $(LIBS_CHECK) $(LIBS_NODE) -o $@
$(B)/unit-client: $(B)/tests/client/main.o $(call obj,$(UNIT_CLIENT) $(filter-out client/main.c,$(CLI)) $(LIB)) $(B)/libcore.a
	$(CC) $(LDFLAGS_ALL) $^ $(LIBS_CHECK) $(LIBS_CLI) -o $@

.PHONY: check-unit
check-unit: $(UNIT_RUNNERS) ## run the unit tests
	@$(B)/unit-client || exit 1; \
	shares=$$(nproc); runs=; \
	for share in $$(seq $$shares); do $(B)/unit --share $$share/$$shares & runs="$$runs $$!"; done; \
	bad=0; for run in $$runs; do wait $$run || bad=1; done; exit $$bad
