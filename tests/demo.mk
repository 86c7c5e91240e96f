# The demo, and the program that forges what it must see refused: never a part of the product.
build/demo/forge: $(B)/tests/demo/forge.o $(B)/libcore.a
	@mkdir -p $(@D)
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_CORE) -o $@

check-system: build/demo/forge

.PHONY: demo
demo: export IMAGE := $(IMAGE)
demo: ## install what is missing, build, and play the user's story (IMAGE=file)
	@sh tests/demo/packages.sh
	@$(MAKE) --no-print-directory $(jobs) build/holdfastd build/holdfast-executor build/holdfast build/demo/forge
	@python3 tests/demo/demo.py

.PHONY: example-image-cache
example-image-cache: all ## docs/image-cache.md: caches that copy from each other, on five lab machines
	@python3 docs/examples/image_cache/run.py
