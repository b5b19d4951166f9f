"""data.json: which data a model was trained on, how it was split, and what was held out."""

from typing import Any

from msgspec import Struct

from towpath.core import formats


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the data set: its name, size in bytes and sha256."""

    name: str
    size: int
    sha256: str


class Split(Struct, frozen=True, forbid_unknown_fields=True):
    """How test rows were chosen; the digest is over their positions, which the candidate keeps."""

    kind: str
    test: float
    seed: int
    train_rows: int
    test_rows: int
    sha256: str


class RowFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows were kept, in words, and how many of those read this filter drops; a row may fail several."""

    keeps: str
    drops: int


class DataLineage(
    Struct, frozen=True, tag_field="format", tag=formats.DATA, omit_defaults=True, forbid_unknown_fields=True
):
    """origin says whether the rows are `real` or `generated`; holdout is the digest of the sample kept aside.

    Where filters dropped rows before anything else, read is how many there were and rows how many were kept. params:
    the estimator's parameters that were set instead of the declared ones.
    """

    origin: str
    sources: tuple[Source, ...]
    rows: int
    split: Split
    holdout: str
    read: int = 0
    filters: tuple[RowFilter, ...] = ()
    params: dict[str, Any] = {}

    def counted(self) -> str:
        """`38804 of 51525`, or where nothing was filtered `10000`."""
        return f"{self.rows} of {self.read}" if self.filters else f"{self.rows}"

    def told(self) -> str:
        """`38804 of 51525 real rows`"""
        return f"{self.counted()} {self.origin} rows"
