"""Every error a person can meet, and the one table of exit codes.

TowpathError                    1  failed
├── UsageError                  2  the command, a setting or a declaration is wrong
│   └── Faulty                     the same, with every fault and its path at once
├── Blocked                     4  policy or a gate says no
├── Conflict                    6  locked, stale or already there
├── InfrastructureError         8  unreachable, port taken, disk full, file missing
├── NotPermitted                9  a key or a role is missing
├── VerificationRefused        10  digest, signature or parity does not hold
└── FormatTooNew               11  written by a newer Towpath than this one
"""

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code means; the table in docs/cli.md is made from this one."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    WAITING = 3
    BLOCKED = 4
    ROLLED_BACK = 5
    CONFLICT = 6
    INCONCLUSIVE = 7
    INFRASTRUCTURE = 8
    NOT_PERMITTED = 9
    REFUSED = 10
    TOO_NEW = 11
    TIMED_OUT = 124
    INTERRUPTED = 130


class TowpathError(Exception):
    """One sentence that says what is wrong, with names and numbers, and a hint that says what to try next."""

    code = "failed"
    exit_code = Exit.FAILED

    def __init__(self, message: str, *, hint: str = ""):
        super().__init__(message)
        self.hint = hint


class UsageError(TowpathError):
    """The command line, a setting or a declaration asks for something that cannot be."""

    code = "usage"
    exit_code = Exit.USAGE


class Faulty(UsageError):
    """Something a person wrote has faults; all of them are told at once, each with its path and its mend."""

    code = "faulty"

    def __init__(self, what: str, faults: Iterable[tuple[str, str]], *, hint: str = ""):
        self.faults = list(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(
            "\n".join([f"{what} has {count}:", *(f"  {path}: {reason}" for path, reason in self.faults)]), hint=hint
        )


class Blocked(TowpathError):
    """A gate or a policy says no."""

    code = "blocked"
    exit_code = Exit.BLOCKED


class Conflict(TowpathError):
    """Somebody else holds the lock, or what should be new is already there."""

    code = "conflict"
    exit_code = Exit.CONFLICT


class InfrastructureError(TowpathError):
    """The world around Towpath is in the way: a port is taken, a disk full, a file gone."""

    code = "infrastructure"
    exit_code = Exit.INFRASTRUCTURE


class NotPermitted(TowpathError):
    """Who asks may not: a key is missing or wrong."""

    code = "not-permitted"
    exit_code = Exit.NOT_PERMITTED


class VerificationRefused(TowpathError):
    """Bytes or numbers are not what they were proved to be."""

    code = "refused"
    exit_code = Exit.REFUSED


class FormatTooNew(TowpathError):
    """A file was written in a format that only a newer Towpath reads."""

    code = "format-too-new"
    exit_code = Exit.TOO_NEW
