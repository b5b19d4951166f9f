"""Stages of a training, each kept under the digest of exactly its inputs, so that nothing is done twice."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

from msgspec import Struct

from towpath.core import formats
from towpath.core.errors import TowpathError
from towpath.core.manifest import Entry
from towpath.training.describe import Unstable, files_digest
from towpath.training.inputs import Stage
from towpath.training.parts import Parts, from_parts, to_parts

T = TypeVar("T")

KEPT = 8  # results of a stage that stay; going back to an earlier declaration mostly finds its results
RECORD = "stage.json"
PACKAGES = ("core", "declare", "data", "bundle", "engine", "training")

Say = Callable[[str], None]


class Entered(Struct, frozen=True, tag_field="format", tag=formats.STAGE, forbid_unknown_fields=True):
    """What a stage gave: each part with size and sha256, and the seconds that it took."""

    stage: str
    key: str
    seconds: float
    parts: dict[str, Entry]


class Ran(Struct, frozen=True, omit_defaults=True):
    """How a stage came to its result: found, or done in so many seconds; why it is not kept where it cannot be."""

    stage: Stage
    cached: bool
    seconds: float
    uncached: str = ""

    def __str__(self) -> str:
        return f"{self.stage} cached" if self.cached else f"{self.stage} {self.seconds:.1f} s"


@dataclass
class Result(Generic[T]):
    """What a stage gives, read when it is asked for. The digest says what it is without reading it.

    uncached says why it is not kept: then the digest says nothing, and what is made from it is not kept either.
    """

    digest: str
    read: Callable[[], T]
    uncached: str = ""
    _value: list[T] = field(default_factory=list)

    @property
    def value(self) -> T:
        if not self._value:
            self._value.append(self.read())
        return self._value[0]


@dataclass
class Stages:
    """Runs the stages of one training. Without a folder nothing is kept; with `anew` nothing that is kept is used."""

    folder: Path | None = None
    anew: bool = False
    say: Say = lambda text: None
    ran: list[Ran] = field(default_factory=list)

    def run(self, stage: Stage, key: str, kind: type[T], work: Callable[[], T], why_not: str = "") -> Result[T]:
        """The kept result of this key, or the work's. A kept result of which a byte was altered is made again."""
        home = self.folder / stage.replace(" ", "-") / key if self.folder and not why_not else None
        if home and not self.anew and (entered := self._whole(home)):
            self.ran.append(Ran(stage, True, 0.0))
            return Result(digest_of(entered.parts), lambda: from_parts(kind, _parts(home, entered)))
        return self._done(stage, key, work, home, why_not)

    def _done(self, stage: Stage, key: str, work: Callable[[], T], home: Path | None, why_not: str) -> Result[T]:
        began = time.perf_counter()
        value = work()
        seconds = round(time.perf_counter() - began, 3)
        if home is None:
            self.ran.append(Ran(stage, False, seconds, why_not))
            return Result(key, lambda: value, why_not)
        try:
            parts = to_parts(value)
        except (Unstable, TypeError) as error:
            self.ran.append(Ran(stage, False, seconds, str(error)))
            return Result(key, lambda: value, str(error))
        self.ran.append(Ran(stage, False, seconds))
        entered = Entered(stage, key, seconds, {name: _entry(content) for name, content in sorted(parts.items())})
        self._keep(home, entered, parts)
        return Result(digest_of(entered.parts), lambda: value)

    def _whole(self, home: Path) -> Entered | None:
        """What is kept there, every byte of it read and compared; None where there is nothing, or nothing whole."""
        if not (home / RECORD).is_file():
            return None
        try:
            entered = formats.read_record((home / RECORD).read_bytes(), Entered, formats.STAGE, str(home / RECORD))
            spoiled = [name for name, entry in entered.parts.items() if _entry(_file(home, name)) != entry]
        except (TowpathError, OSError):
            spoiled, entered = [RECORD], None
        if spoiled:
            self.say(f"warning: {home / _name(spoiled[0])} was altered; the stage is done again")
            shutil.rmtree(home, ignore_errors=True)
            return None
        os.utime(home)
        return entered

    def _keep(self, home: Path, entered: Entered, parts: Parts) -> None:
        """Whole or not at all; where it cannot be written the training goes on without."""
        try:
            home.parent.mkdir(parents=True, exist_ok=True)
            beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=home.parent))
            try:
                for name, content in parts.items():
                    (beside / _name(name)).write_bytes(content)
                (beside / RECORD).write_bytes(formats.canonical(entered))
                shutil.rmtree(home, ignore_errors=True)
                beside.rename(home)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
            forget_oldest(home.parent)
        except OSError as error:
            self.say(f"warning: the stage is not kept in {home}: {error.strerror}")


def forget_oldest(folder: Path, kept: int = KEPT) -> None:
    """Only the results used last stay; what was left half written by a killed run goes too."""
    found = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in found[: max(0, len(found) - kept)]:
        shutil.rmtree(path, ignore_errors=True)


def digest_of(parts: dict[str, Entry]) -> str:
    """What a stage's result is known by: equal bytes give an equal digest, whatever they were made from."""
    return formats.digest(formats.canonical(parts))


@cache
def towpath_code() -> str:
    """The digest of Towpath's own files that training uses: another Towpath may come to another result."""
    home = Path(__file__).resolve().parents[1]
    return formats.digest("".join(files_digest(home / package) for package in PACKAGES).encode())


def _parts(home: Path, entered: Entered) -> Parts:
    return {name: _file(home, name) for name in entered.parts}


def _file(home: Path, name: str) -> bytes:
    return (home / _name(name)).read_bytes()


def _name(part: str) -> str:
    """A part's name as that of one file."""
    return part.replace("/", "+")


def _entry(content: bytes) -> Entry:
    return Entry(len(content), formats.digest(content))
