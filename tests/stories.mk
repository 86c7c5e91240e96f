# Scenarios in the language of docs/simulator.md. Each ready one must be met, and its variant, with the
# lines marked `variant:`, must fail; those in tests/scenarios/ are seeds that failed once, made small:
# they must be clean. The page of a run is checked for structure and contrast.

STORIES     := $(wildcard sim/scenarios/*.hf)
REGRESSIONS := $(wildcard tests/scenarios/*.hf)
# The language without the simulator: for the unit tests and the fuzzer.
STORY_PURE  := $(addprefix sim/,story_parse.c story_world.c story_words.c story_expect.c story_write.c \
                 story_drawn.c profile.c profiles.c random.c modes.c)

.PHONY: sim-stories
sim: sim-stories
# Rosters are signed for real: the bulk stand-in would not know them.
sim-stories: $(B)/holdfast-sim-bulk $(B)/holdfast-sim $(B)/holdfast ## play the ready scenarios, their variants, and what failed once
	@tests/sim/stories.sh $< $(STORIES)
	@tests/sim/regressions.sh $< $(REGRESSIONS)
	@tests/sim/page_check.py $< $(STORIES)
	@tests/sim/cli.sh $(B)/holdfast-sim $(B)/holdfast
