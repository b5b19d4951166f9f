"""data.json: which data a model was trained on, how it was split, and what was held out."""

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


class DataLineage(Struct, frozen=True, tag_field="format", tag=formats.DATA, forbid_unknown_fields=True):
    """origin says whether the rows are `real` or `generated`; holdout is the digest of the sample kept aside."""

    origin: str
    sources: tuple[Source, ...]
    rows: int
    split: Split
    holdout: str
