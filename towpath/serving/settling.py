"""Makes a process that has loaded everything ready to serve for months."""

import contextlib
import ctypes
import gc
import os

from msgspec import structs

from towpath.serving import journal
from towpath.serving.limits import Limits

OTHER_FILES = 4_000  # that a worker has open beside one for each of its connections: some that are being refused


def settle_process(limits: Limits) -> Limits:
    """What is loaded stays, so the collector need not look at it again; and room for all the edge's connections.

    Gives the limits with fewer connections where the system lets this process open fewer files: one connection too
    many is told so and closed, while one file too many could not even be accepted.
    """
    gc.collect()
    gc.freeze()
    give_back()
    allowed = _raise_files(limits.connections + OTHER_FILES)
    if allowed >= limits.connections + OTHER_FILES:
        return limits
    room = max(1, allowed - _open_files() - min(OTHER_FILES, allowed // 4))
    if room >= limits.connections:
        return limits
    hint = "ulimit -n, or LimitNOFILE= of systemd, allows more"
    journal.tell("few_files", allowed=allowed, connections=room, hint=hint)
    return structs.replace(limits, connections=room)


def give_back() -> None:
    """Memory that loading a model took for a moment, which malloc keeps: 13 MB of a forest of 51,000 nodes."""
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def _raise_files(wanted: int) -> int:
    """How many files this process may open, after asking for so many."""
    with contextlib.suppress(ImportError):  # Windows has no limits
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        if soft == resource.RLIM_INFINITY or soft >= most:
            return wanted if soft == resource.RLIM_INFINITY else soft
        with contextlib.suppress(ValueError, OSError):  # some systems forbid
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:  # not Linux: about what a worker has
        return 32
