"""Data sets and splits as a user writes them; towpath.data brings and reads them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    import pandas as pd

SplitKind = Literal["stratified", "random"]

Generator = Callable[[int, int], "pd.DataFrame"]
"""(rows, seed) -> labelled rows that stand in for the real ones on a machine that does not have them."""


class Source(Struct, frozen=True):
    """One file that the data set is made of, known by its sha256."""

    name: str
    sha256: str


class Table(Struct, frozen=True, tag="table"):
    """A CSV file with a header."""

    source: Source
    rename: dict[str, str] = {}

    @property
    def sources(self) -> tuple[Source, ...]:
        return (self.source,)


class Lines(Struct, frozen=True, tag="lines"):
    """Text files, one for each class, one text a line."""

    files: dict[str, Source]
    encoding: str

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(self.files.values())


class Packaged(Struct, frozen=True, tag="packaged"):
    """A data set that ships with scikit-learn, so that it is real on every machine."""

    name: str
    sha256: str
    columns: tuple[str, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        return (Source(f"sklearn/{self.name}", self.sha256),)


class DataSet(Struct, frozen=True):
    """Where the rows come from, and what stands in where they cannot be had."""

    reads: Table | Lines | Packaged
    generator: Any = None
    generated_rows: int = 10_000
    invented: bool = False


def csv(
    name: str,
    *,
    sha256: str,
    generator: Generator | None = None,
    rows: int = 10_000,
    rename: Mapping[str, str] | None = None,
    invented: bool = False,
) -> DataSet:
    """A CSV file, found by name in the data folders and checked by sha256. rename maps its columns to the record's.

    invented says that the rows in it are no real ones, so that nobody takes what is measured on them for real.
    """
    return DataSet(Table(Source(name, sha256), dict(rename or {})), generator, rows, invented)


def lines(
    files: Mapping[str, tuple[str, str]],
    *,
    encoding: str = "utf-8",
    generator: Generator | None = None,
    rows: int = 10_000,
) -> DataSet:
    """Text files by class: {"positive": ("rt-polarity.pos", "<sha256>"), ...}; one text a line, broken at \\n alone."""
    sources = {label: Source(name, sha256) for label, (name, sha256) in files.items()}
    return DataSet(Lines(sources, encoding), generator, rows)


def packaged(name: str, *, sha256: str, columns: tuple[str, ...]) -> DataSet:
    """A data set inside scikit-learn: `packaged("iris", ...)`; its features get these column names."""
    return DataSet(Packaged(name, sha256, columns))


class Split(Struct, frozen=True):
    """How rows are held out for testing."""

    kind: SplitKind
    test: float
    seed: int


def stratified(*, test: float = 0.2, seed: int = 42) -> Split:
    """A share of the rows is held out for testing, every class in its proportion."""
    return Split("stratified", test, seed)


def random(*, test: float = 0.2, seed: int = 42) -> Split:
    """A share of the rows is held out for testing, whatever their targets."""
    return Split("random", test, seed)
