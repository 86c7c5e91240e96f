#!/usr/bin/env python3
"""Writes a byte to FILE again and again, in a thread that goes on after the main thread's end.

To the system its state is then that of a zombie ("Z"), and it writes on: only the number of its
threads tells.
"""
import ctypes
import platform
import sys
import threading
import time

EXIT_OF_A_THREAD = {"x86_64": 60, "aarch64": 93}  # __NR_exit


def write(path):
    while True:
        with open(path, "ab") as file:
            file.write(b"x\n")
        time.sleep(0.01)


threading.Thread(target=write, args=sys.argv[1:]).start()
ctypes.CDLL(None).syscall(EXIT_OF_A_THREAD[platform.machine()], 0)
