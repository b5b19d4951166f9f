"""Data sets and splits as a user writes them; towpath.data brings and reads them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Meta, Struct

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


class Keep(Struct, frozen=True, omit_defaults=True):
    """Rows are kept whose value in a column lies within limits; a row without a value is not."""

    column: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def __str__(self) -> str:
        """`price over 1,000 and under 500,000`"""
        said = [f"{word} {_plain(limit)}" for word, limit in self.limits.items()]
        return f"{self.column} {' and '.join(said)}"

    @property
    def limits(self) -> dict[str, float]:
        """The limits that are set, each by its word."""
        words = {"from": self.ge, "over": self.gt, "up to": self.le, "under": self.lt}
        return {word: limit for word, limit in words.items() if limit is not None}


class DataSet(Struct, frozen=True):
    """Where the rows come from, which of them are kept, and what stands in where they cannot be had."""

    reads: Table | Lines | Packaged
    generator: Any = None
    generated_rows: int = 10_000
    invented: bool = False
    keep: tuple[Keep, ...] = ()


def csv(
    name: str,
    *,
    sha256: str = "",
    generator: Generator | None = None,
    rows: int = 10_000,
    rename: Mapping[str, str] | None = None,
    keep: Mapping[str, Meta] | None = None,
    invented: bool = False,
) -> DataSet:
    """A CSV file, found by name in the data folders and checked by sha256. rename maps its columns to the record's.

    Without a sha256 it is the version that `towpath data add` recorded, or `data checkout` chose, which counts.

    keep drops rows beyond limits, {"price": Meta(gt=1000, lt=500_000)}, those without the value too; training tells how
    many. invented says that the rows in it are no real ones, so that nobody takes what is measured on them for real.
    """
    kept = tuple(_keep(column, limits) for column, limits in (keep or {}).items())
    return DataSet(Table(Source(name, sha256), dict(rename or {})), generator, rows, invented, kept)


def _keep(column: str, limits: Meta) -> Keep:
    """A Meta that says more than limits becomes a Keep without any, which the check of the declaration refuses."""
    if any(getattr(limits, other) is not None for other in ("multiple_of", "pattern", "min_length", "max_length")):
        return Keep(column)
    return Keep(column, ge=limits.ge, gt=limits.gt, le=limits.le, lt=limits.lt)


def _plain(limit: float) -> str:
    """Thousands with commas, a year without: `1,990` would read as a price."""
    whole = int(limit) if limit % 1 == 0 else limit
    return f"{whole:,}" if abs(whole) >= 10_000 else str(whole)


def lines(
    files: Mapping[str, str | tuple[str, str]],
    *,
    encoding: str = "utf-8",
    generator: Generator | None = None,
    rows: int = 10_000,
) -> DataSet:
    """Text files by class: {"positive": ("rt-polarity.pos", "<sha256>"), ...}; one text a line, broken at \\n alone.

    A name alone, without the sha256, is as a csv() without it.
    """
    sources = {label: Source(file, "") if isinstance(file, str) else Source(*file) for label, file in files.items()}
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
