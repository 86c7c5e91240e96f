"""What runs on the demo's machines, under `holdfast lock`.

    guest.py copy SOURCE TARGET SECONDS GATE  copies evenly over SECONDS, and the last of it once
                                              the file GATE is there; says how far it is
    guest.py age IMAGE                        removes the image
    guest.py token                            only says under which token it ran
    guest.py write IMAGE LOG                  rewrites the image without end, one line of LOG each
    guest.py take IMAGE LOG SECONDS           says when it began, and what both have now and later

Each prints one JSON object a line, with its token and, if it was told, how the last holder went.

A line of LOG is TOKEN NUMBER TIME: the write's number, and when it was complete, in nanoseconds of
CLOCK_BOOTTIME, the one clock of all machines of a lab. A block of IMAGE begins with TOKEN NUMBER.
"""
import hashlib
import json
import os
import struct
import sys
import time

CHUNKS = 200
REPORTS = 4
GATE_S = 0.02  # between looks whether the gate is there
BLOCK = 4096
HEAD = struct.Struct("<QQ")
PACE_S = 0.005  # between writes


def say(what, **more):
    token = int(os.environ["HOLDFAST_TOKEN"])
    unclean = os.environ.get("HOLDFAST_UNCLEAN")
    print(json.dumps({"what": what, "token": token, "unclean": unclean, **more}), flush=True)


def boottime_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def copy(source, target, seconds, gate):
    size = os.path.getsize(source)
    chunk = max(1, -(-size // CHUNKS))
    digest = hashlib.sha256()
    begun = time.monotonic()
    done = 0
    say("begin", size=size)
    with open(source, "rb") as reader, open(target, "wb") as writer:
        for i in range(1, CHUNKS + 1):
            while i == CHUNKS and not os.path.exists(gate):
                time.sleep(GATE_S)
            data = reader.read(chunk)
            writer.write(data)
            digest.update(data)
            done += len(data)
            if i % (CHUNKS // REPORTS) == 0:
                say("copied", done=done, size=size)
            time.sleep(max(0.0, begun + seconds * i / CHUNKS - time.monotonic()))
    say("end", size=done, sha256=digest.hexdigest(), seconds=time.monotonic() - begun)


def write(image, log):
    token = int(os.environ["HOLDFAST_TOKEN"])
    blocks = os.path.getsize(image) // BLOCK
    data = os.open(image, os.O_WRONLY)
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    say("writing", pid=os.getpid())
    number = 0
    while True:
        number += 1
        block = HEAD.pack(token, number).ljust(BLOCK, bytes([number % 256]))
        os.pwrite(data, block, number % blocks * BLOCK)
        os.write(lines, f"{token} {number} {boottime_ns()}\n".encode())
        time.sleep(PACE_S)


def newest(image, log):
    """What is there: the newest block's token and number, and the log's size."""
    heads = []
    with open(image, "rb") as file:
        while block := file.read(BLOCK):
            heads.append(HEAD.unpack_from(block))
    token, number = max(heads)
    return {"block_token": token, "block": number, "log_size": os.path.getsize(log)}


def take(image, log, seconds):
    began = boottime_ns()  # the grant is a moment older: this process did not run before it
    say("took", began_ns=began)
    first = newest(image, log)
    time.sleep(seconds)
    say("looked", first=first, later=newest(image, log), seconds=seconds)


def main():
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == "copy":
        copy(arguments[0], arguments[1], float(arguments[2]), arguments[3])
    elif verb == "age":
        os.remove(arguments[0])
        say("aged")
    elif verb == "write":
        write(*arguments)
    elif verb == "take":
        take(arguments[0], arguments[1], float(arguments[2]))
    else:
        say("ran")


main()
