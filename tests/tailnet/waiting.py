"""Waiting for what another program does."""
import glob
import os
import signal
import time


def wait_for(condition, seconds, what, every=0.02):
    """The condition's first true value, and how long it took."""
    began = time.monotonic()
    while True:
        value = condition()
        took = time.monotonic() - began
        if value:
            return value, took
        if took > seconds:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(every)


def state_of(file):
    try:
        with open(file, encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None  # it has ended


def freeze(pid):
    """A process stands still when the last of its threads has heard of it."""
    os.kill(pid, signal.SIGSTOP)
    tasks = f"/proc/{pid}/task/*/stat"
    wait_for(lambda: all(state_of(f) in ("T", None) for f in glob.glob(tasks)), 10, "a process to stand still", every=0.005)


def is_alive(pid):
    return state_of(f"/proc/{pid}/stat") not in ("Z", None)
