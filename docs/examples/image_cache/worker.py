#!/usr/bin/env python3
"""One node's part of the story, as a command: worker.py NODE CACHES GLANCE fetch IMAGE [PEER...] | age-out IMAGE [SEC]

It says what it does in lines of JSON. PACE_MS in the environment slows a copy down, so that there is something to see.
"""
import json
import os
import sys
import time

from cache import Cache


def say(**what):
    print(json.dumps(what), flush=True)


def pace_of(milliseconds):
    def pace(size):
        say(what="chunk", size=size)
        time.sleep(milliseconds / 1000)

    return pace if milliseconds else None


def main(node, caches, glance, verb, image, *more):
    cache = Cache(node, caches, glance, say, pace_of(int(os.environ.get("PACE_MS", "0"))))
    begun = time.monotonic()
    if verb == "fetch":
        result = {"from": cache.fetch(image, more)}
    else:
        result = {"aged_out": cache.age_out(image, *map(float, more))}
    say(what="done", seconds=round(time.monotonic() - begun, 3), **result)


if __name__ == "__main__":
    main(*sys.argv[1:])
