# The linters. Each part stands alone (`make lint-tidy`); `make lint` runs all of them and fails if one did.

CLANG        ?= clang
CLANG_TIDY   ?= clang-tidy
CLANG_FORMAT ?= clang-format
CPPCHECK     ?= cppcheck

lint_sources := $(CRYPTO) $(PROTO) $(NODE) $(SIM) $(LIB) $(CLI) $(wildcard sim/*/*.c client/*/*.c tests/*/*.c)
lint_texts   := $(lint_sources) $(wildcard */*.h */*/*.h)
lint_scripts := $(wildcard .ci/run tests/*.sh tests/*/*.sh docs/examples/*.sh)
lint_parts   := purity includes rules docs metrics features mentions shell cppcheck tidy format
lint_flags   := -std=gnu11 -D_GNU_SOURCE -I. -Iclient -I$(B)/tests/node $(WARN)

.PHONY: lint format $(lint_parts:%=lint-%)

lint: ## purity, includes, rules, documents, clang-tidy, cppcheck, shellcheck, formatting
	@failed=; for part in $(lint_parts); do \
	    echo "== lint-$$part"; $(MAKE) --no-print-directory lint-$$part || failed="$$failed $$part"; done; \
	if [ -n "$$failed" ]; then echo "lint: failed:$$failed"; exit 1; fi; echo "lint: clean"

lint-purity: $(patsubst %.c,build/release/%.o,$(CRYPTO) $(PROTO))
	@tests/lint/purity.sh $^

lint-includes:
	@tests/lint/includes.sh

lint-rules:
	@tests/lint/rules.sh

lint-docs:
	@tests/lint/docs.sh

lint-metrics:
	@tests/lint/metrics.py

lint-features:
	@tests/lint/features.py

lint-mentions:
	@tests/lint/mentions.sh

lint-shell:
	@shellcheck $(lint_scripts) && echo "shell: $(words $(lint_scripts)) scripts"

# One file's findings do not hide another's: all are looked at, two at a time.
lint-tidy: $(B)/tests/node/suites.h
	@mkdir -p build/lint
	@printf '%s\n' $(lint_sources) | xargs -P2 -I{} tests/lint/tidy.sh build/lint {} $(lint_flags)
	@echo "tidy: $(words $(lint_sources)) files"

lint-cppcheck:
	@$(CPPCHECK) --quiet -j2 --std=c11 -I. --enable=warning,performance,portability --inline-suppr \
	    --error-exitcode=1 --library=tests/lint/cppcheck.cfg \
	    --suppressions-list=tests/lint/cppcheck.txt $(lint_sources)
	@echo "cppcheck: $(words $(lint_sources)) files"

lint-format:
	@$(CLANG_FORMAT) --dry-run -Werror $(lint_texts) 2>&1 | awk -F: \
	    '/error:/ {count[$$1]++; total++} END {for (f in count) print "format: " f ": " count[f] " places"; exit total > 0}' \
	    && echo "format: $(words $(lint_texts)) files"

format: ## put all C sources into the house's format
	@$(CLANG_FORMAT) -i $(lint_texts)
