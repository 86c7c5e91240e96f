"""What runs on the demo's machines, under `holdfast lock`: copying an image, and ageing it out.

    cache.py copy SOURCE TARGET SECONDS   copies evenly over SECONDS, checks, says how far it is
    cache.py age IMAGE                    removes the image
    cache.py token                        only says under which token it ran

Each prints one JSON object a line.
"""
import hashlib
import json
import os
import sys
import time

CHUNKS = 200
REPORTS = 4


def say(what, **more):
    print(
        json.dumps({"what": what, "token": int(os.environ["HOLDFAST_TOKEN"]), **more}), flush=True
    )


def copy(source, target, seconds):
    size = os.path.getsize(source)
    chunk = max(1, -(-size // CHUNKS))
    digest = hashlib.sha256()
    begun = time.monotonic()
    done = 0
    say("begin", size=size)
    with open(source, "rb") as reader, open(target, "wb") as writer:
        for i in range(1, CHUNKS + 1):
            data = reader.read(chunk)
            writer.write(data)
            digest.update(data)
            done += len(data)
            if i % (CHUNKS // REPORTS) == 0:
                say("copied", done=done, size=size)
            time.sleep(max(0.0, begun + seconds * i / CHUNKS - time.monotonic()))
    say("end", size=done, sha256=digest.hexdigest(), seconds=time.monotonic() - begun)


def main():
    if sys.argv[1] == "copy":
        copy(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    elif sys.argv[1] == "age":
        os.remove(sys.argv[2])
        say("aged")
    else:
        say("ran")


main()
