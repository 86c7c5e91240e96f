.PHONY: check-system
check-system: all ## end-to-end tests on real agents (TESTS=pattern runs some)
	@python3 tests/system/run.py $(TESTS)
