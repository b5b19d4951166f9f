"""Versions of a data set: choose one, drop one. Their bytes are here and whole before the history says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from towpath.core.dataset import Happened, History, Version
from towpath.core.errors import Conflict
from towpath.data import pull
from towpath.data.chosen import data_of
from towpath.data.history import Ledger
from towpath.data.objects import ObjectStore
from towpath.declare.service import Service


@dataclass(frozen=True)
class DataHome:
    """Where a service's data set lives: its declaration, its history, its bytes, and folders that may have more."""

    service: Service
    ledger: Ledger
    store: ObjectStore
    folders: Sequence[Path] = ()


@dataclass(frozen=True)
class Act:
    """Who does something to a data set, when (UTC), and why."""

    by: str
    at: str
    why: str = ""


def check_out(home: DataHome, number: int, act: Act) -> Version:
    """Have a version count from now on.

    Raises UsageError where there is no such version, Conflict where it was dropped, and as pull does.
    """
    version = _usable(home, home.ledger.read(), number)
    bring(home, version)

    def decide(history: History) -> list[Happened]:
        _usable(home, history, number)
        if is_current(history, number):
            return []
        return [Happened(act.at, act.by, "checked out", number, act.why)]

    home.ledger.append(decide)
    return version


def roll_back(home: DataHome, act: Act, to: int = 0) -> tuple[Version, Version]:
    """Drop the version that counts and go back to the good one before it; returns both, the dropped one first.

    Nothing is deleted: the dropped version stays in history and store, but no training can choose it.
    Raises Conflict where there is nothing to go back to, and as pull does.
    """
    dropped, back = _way_back(home, home.ledger.read(), to)
    bring(home, back)

    def decide(history: History) -> list[Happened]:
        if _way_back(home, history, to) != (dropped, back):
            raise Conflict(f"{home.service.name}'s data was changed meanwhile", hint="look again, then roll back")
        return [Happened(act.at, act.by, "dropped", dropped.number, act.why, now=back.number)]

    return home.ledger.append(decide).version(dropped.number), back


def bring(home: DataHome, version: Version) -> list[pull.Pulled]:
    """All files of a version here and whole. Raises as pull does, and where a file is nowhere."""
    found = pull.pull(data_of(home.service, version), home.store, home.folders)
    pull.require(found, home.folders, home.service.name)
    return found


def is_current(history: History, number: int) -> bool:
    return history.current is not None and history.current.number == number


def because(event: Happened) -> str:
    """`: cents for euros`, or nothing where nobody said why."""
    return f": {event.why}" if event.why else ""


def _usable(home: DataHome, history: History, number: int) -> Version:
    version = history.version(number)
    if dropped := version.dropped:
        raise Conflict(
            f"version {number} was dropped by {dropped.by} on {dropped.at[:10]}{because(dropped)}",
            hint=f"mend the data; towpath data add {home.service.name} --from FILE records it as a version of its own",
        )
    return version


def _way_back(home: DataHome, history: History, to: int) -> tuple[Version, Version]:
    dropped, back = history.current, None
    if dropped is not None:
        back = _usable(home, history, to) if to else history.before(dropped)
    if dropped is None or back is None or back.number == dropped.number:
        raise Conflict(
            f"{home.service.name}'s data is at {f'version {dropped.number}' if dropped else 'no version'}, "
            "and there is no other good one to go back to",
            hint=f"towpath data history {home.service.name}",
        )
    return dropped, back
