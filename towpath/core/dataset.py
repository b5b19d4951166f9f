"""The history of a data set: numbered versions, and everything that happened to them, as lines that are only added."""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from towpath.core import formats
from towpath.core.errors import UsageError, VerificationRefused

What = Literal["added", "checked out", "dropped", "damaged", "restored", "verified"]


class DataFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a version: the name that the service declares, size in bytes, sha256, and how many rows it has."""

    name: str
    size: int
    sha256: str
    rows: int


class Happened(
    Struct, frozen=True, tag_field="format", tag=formats.DATA_HISTORY, omit_defaults=True, forbid_unknown_fields=True
):
    """One line of the history: what happened to which version, when (UTC), who did it, and why.

    `added` has all files and a digest, which is the same for the same rows in another order or another file; damage and
    its mending have the one file they are about. `dropped` says in `now` which version counts from then on.
    """

    at: str
    by: str
    what: What
    version: int
    why: str = ""
    files: tuple[DataFile, ...] = ()
    digest: str = ""
    now: int = 0


class Version(Struct, frozen=True):
    """A version as it stands today; `dropped` is the event that dropped it."""

    number: int
    added: Happened
    dropped: Happened | None = None

    @property
    def files(self) -> tuple[DataFile, ...]:
        return self.added.files

    @property
    def sha256s(self) -> tuple[str, ...]:
        return tuple(file.sha256 for file in self.files)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


class History(Struct, frozen=True):
    """All that happened to one data set, oldest first, and what follows from it."""

    events: tuple[Happened, ...] = ()
    versions: tuple[Version, ...] = ()
    current: Version | None = None

    def version(self, number: int) -> Version:
        """Raises UsageError naming those there are."""
        for version in self.versions:
            if version.number == number:
                return version
        known = ", ".join(str(version.number) for version in self.versions) or "none yet"
        raise UsageError(f"there is no version {number} of this data; its versions are: {known}")

    def of_files(self, sha256s: Iterable[str]) -> Version | None:
        """The version that consists of exactly these files; of several the newest."""
        wanted = sorted(sha256s)
        return next((one for one in reversed(self.versions) if sorted(one.sha256s) == wanted), None)

    def before(self, version: Version) -> Version | None:
        """The newest version before this one that nobody dropped."""
        good = [one for one in self.versions if one.number < version.number and not one.dropped]
        return good[-1] if good else None

    @property
    def next_number(self) -> int:
        return max((version.number for version in self.versions), default=0) + 1


def history_of(events: Sequence[Happened], where: str) -> History:
    """What events add up to. Raises VerificationRefused where they contradict each other, as after a careless merge."""
    versions: dict[int, Version] = {}
    current = 0
    for line, event in enumerate(events, start=1):
        known = event.version in versions
        if event.what == "added" and known:
            raise VerificationRefused(
                f"{where}, line {line}: version {event.version} is there already",
                hint="two branches added it: keep one of the lines, and add the other data set anew",
            )
        if event.what != "added" and event.version and not known:
            raise VerificationRefused(
                f"{where}, line {line}: version {event.version} was {event.what}, but never added",
                hint="bring back the line that is missing: git log shows it",
            )
        if event.what == "added":
            versions[event.version] = Version(event.version, event)
            current = event.version
        elif event.what == "checked out":
            current = event.version
        elif event.what == "dropped":
            versions[event.version] = Version(event.version, versions[event.version].added, event)
            current = event.now
    ordered = tuple(versions[number] for number in sorted(versions))
    return History(tuple(events), ordered, versions.get(current))


class Standing(Struct, frozen=True):
    """How the data that something was trained on stands today: version is 0 where it was never added.

    said is empty where it is the version that counts, or where nothing can be said.
    """

    version: int = 0
    is_dropped: bool = False
    said: str = ""


def standing(history: History, sha256s: Sequence[str]) -> Standing:
    """How files that something was trained on stand in the history of their data set."""
    version = history.of_files(sha256s) if sha256s else None
    if version is None or history.current is None:
        return Standing()
    if dropped := version.dropped:
        why = f": {dropped.why}" if dropped.why else ""
        by = dropped.by.partition(" <")[0]
        said = f"was trained on data version {version.number}, dropped by {by} on {dropped.at[:10]}{why}"
        return Standing(version.number, True, said)
    if version.number != history.current.number:
        said = f"was trained on data version {version.number}, current is {history.current.number}"
        return Standing(version.number, False, said)
    return Standing(version.number)
