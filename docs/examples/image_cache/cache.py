"""An image cache whose nodes copy from each other: the read lock, the stamp, the value, the limit, and ageing.

One lock per image and node that has it in its cache, `image/NODE/IMAGE`:

    exclusive   its owner writes the image, or ages it out
    shared      somebody copies it; it is not aged out meanwhile
    value       what a complete copy is, {"size", "sha256"}; empty: none is there
    stamp       copying without the lock; worth something if nobody wrote meanwhile

And one per node that is copied from, `source/NODE`: counted, so that at most so many copies read from it at a time.

The value is the word on completeness. It is written last, under the exclusive lock, so a file without a valid value is
half written, whoever died. No marker files, no guesses by age.
"""
import contextlib
import hashlib
import json
import os
from pathlib import Path

from holdfast import Busy, HoldfastError, NoMajority, TimedOut, Unstable
from locking import lock, session

CHUNK = 1 << 20
SIDE_LOADS = 4  # copies from one cache at a time
SMALL = 8 << 20  # up to here a copy is made by a stamp first: shorter than a lock is worth
PATIENCE_S = 5.0  # for a lock of another node's image; then the image service is asked
READ = {"stale": "expire", "ttl": 5}  # a reader that died harms nobody: the lock goes on after this


class NotThere(Exception):
    """This cache has no complete copy."""


def image_lock(owner, image):
    return f"{owner}/{image}"


def described(value):
    """{"size", "sha256"} of a complete image, out of a lock's value; else NotThere."""
    if value is None or not value.valid or not value.bytes:
        raise NotThere("its cache does not say that it is complete")
    return json.loads(value.bytes)


def copy(source, target, pace=None):
    """Copies in chunks, and says what came: {"size", "sha256"}. `pace` is called between two chunks."""
    digest, size = hashlib.sha256(), 0
    with open(source, "rb") as readable, open(target, "wb") as writable:
        while chunk := readable.read(CHUNK):
            writable.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            if pace:
                pace(size)
        writable.flush()
        os.fsync(writable.fileno())
    return {"size": size, "sha256": digest.hexdigest()}


class Cache:
    """The cache of `node`, a directory. Another node's is read at `caches`/NODE: in life that is rsync or HTTP."""

    def __init__(self, node, caches, glance, say=lambda **_: None, pace=None):
        self.node, self.caches, self.glance = node, Path(caches), Path(glance)
        self.say, self.pace = say, pace
        self.dir = self.caches / node
        self.dir.mkdir(parents=True, exist_ok=True)

    def path(self, image, node=None):
        return self.caches / (node or self.node) / image

    # --- This node's own copy ---

    def fetch(self, image, peers):
        """Has the image in this cache: as it is, from a peer, or from the image service. Says from where."""
        with lock(image_lock(self.node, image), "image/", stale="fence") as hold:
            if hold.unclean:
                # The last writer died. What it left is not looked at: it is written anew, and then the mark goes.
                self.say(what="mended", died=hold.unclean.node, by=hold.unclean.by)
                self.path(image).unlink(missing_ok=True)
            else:
                with contextlib.suppress(NotThere):
                    described(hold.value)
                    if self.path(image).exists():
                        return "cache"
            whence, found = self.bring(image, peers)
            hold.check()  # nothing is put in place under a lock that is lost
            self.put(image)
            hold.set_value(json.dumps(found).encode())
            if hold.unclean:
                hold.clear_mark()
        return whence

    def bring(self, image, peers):
        """Into the part file."""
        for peer in peers:
            try:
                return peer, self.side_load(image, peer)
            except (NotThere, OSError) as why:
                self.say(what="not-there", peer=peer, why=str(why))
            except (Busy, TimedOut, NoMajority) as why:
                self.say(what="passed-over", peer=peer, why=str(why))
        return "glance", copy(self.glance / image, self.part(image), self.pace)

    def part(self, image):
        return self.dir / f"{image}.part"

    def put(self, image):
        """The rename is what makes it a file of the cache, the value what makes it complete."""
        os.rename(self.part(image), self.path(image))
        directory = os.open(self.dir, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    # --- From another node's cache ---

    def side_load(self, image, owner):
        """Copies it out of the cache of `owner`. NotThere if that has no complete copy."""
        with contextlib.suppress(Unstable):
            if self.size(image, owner) <= SMALL and (found := self.by_stamp(image, owner)):
                return found
        return self.by_lock(image, owner)

    def size(self, image, owner):
        try:
            return self.path(image, owner).stat().st_size
        except FileNotFoundError:
            raise NotThere("it is not in that cache") from None

    def by_stamp(self, image, owner):
        """Without a lock; None if somebody wrote meanwhile."""
        name = "image/" + image_lock(owner, image)
        before = session().stamp(name)
        expected = described(before.value)
        try:
            found = copy(self.path(image, owner), self.part(image), self.pace)
        except FileNotFoundError:
            found = None  # aged out in the midst
        if found and session().validate(name, before):
            self.say(what="copied", way="stamp", peer=owner)
            return self.same(found, expected)
        self.say(what="moved", peer=owner)
        return None

    def by_lock(self, image, owner):
        """Under the read lock, one of at most SIDE_LOADS."""
        with lock(owner, "source/", mode="counted", limit=SIDE_LOADS, timeout=PATIENCE_S, **READ):
            with lock(image_lock(owner, image), "image/", mode="shared", timeout=PATIENCE_S, **READ) as hold:
                if hold.unclean and hold.unclean.mode != "shared":
                    raise NotThere(f"{hold.unclean.node} died while it wrote it")
                expected = described(hold.value)
                self.say(what="copying", way="lock", peer=owner, token=hold.token)
                found = copy(self.path(image, owner), self.part(image), self.pace)
                hold.check()
        self.say(what="copied", way="lock", peer=owner)
        return self.same(found, expected)

    def same(self, found, expected):
        if found != expected:
            raise NotThere("what was copied is not what its cache says: its disk is at fault")
        return found

    # --- Ageing ---

    def age_out(self, image, timeout=0):
        """Removes the image, unless somebody copies it: then it is in use, and the next round looks again."""
        try:
            with lock(image_lock(self.node, image), "image/", timeout=timeout) as hold:
                hold.set_value(b"")  # first: a file without a value is nothing, a value without a file would be a lie
                self.path(image).unlink(missing_ok=True)
                if hold.unclean:
                    hold.clear_mark()
                return True
        except (Busy, TimedOut):
            return False


__all__ = ["Cache", "HoldfastError", "NotThere"]
