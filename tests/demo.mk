.PHONY: demo
demo: export IMAGE := $(IMAGE)
demo: ## install what is missing, build, and play the user's story (IMAGE=file)
	@sh tests/demo/packages.sh
	@$(MAKE) --no-print-directory all
	@python3 tests/demo/demo.py
