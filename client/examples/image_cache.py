#!/usr/bin/env python3
"""Copies an image out of another node's cache, as image_cache.c does: image_cache.py NAME FILE COPY"""
import shutil
import sys

from holdfast import Holdfast, HoldfastError


def copy_unlocked(hf, name, file, copy):
    """True if nobody wrote while it was copied."""
    try:
        stamp = hf.stamp(name, timeout=0.5)
        shutil.copyfile(file, copy)
        return hf.validate(name, stamp, timeout=0.5)
    except (HoldfastError, OSError):
        return False


def main(name, file, copy):
    try:
        with Holdfast() as hf:
            if copy_unlocked(hf, name, file, copy):
                return "copied, and nobody wrote meanwhile"
            with hf.lock(name, mode="shared", timeout=0.5):
                shutil.copyfile(file, copy)
            return "copied under the lock"
    except (HoldfastError, OSError) as error:
        return f"from the store: {error}"


print(main(*sys.argv[1:]))
