"""Rows that two models can be compared on: neither has learnt from any of them, and both answer all of them."""

from dataclasses import dataclass

import msgspec
import numpy as np
import pandas as pd

from towpath.core.errors import InfrastructureError, TowpathError, UsageError
from towpath.core.lineage import DataLineage
from towpath.data.chosen import with_data, with_sha256s
from towpath.data.objects import ObjectStore
from towpath.data.table import LabelledRows, read_rows
from towpath.declare.data import Packaged, Split
from towpath.declare.service import Service
from towpath.training.contender import Contender
from towpath.training.groups import FEWEST
from towpath.training.split import describe_split, split_rows


@dataclass(frozen=True)
class SameRows:
    """features as the training frame has them; targets: class positions or values; told: which rows these are."""

    features: pd.DataFrame
    targets: np.ndarray
    told: str


def same_rows(service: Service, store: ObjectStore, ours: Contender, other: Contender) -> SameRows:
    """The test rows both share; else ours without those that the other has learnt from.

    Where the data itself is not at hand, the held-out sample that both have. Raises InfrastructureError where there
    are no such rows, UsageError where too few are left.
    """
    if held_out_alike(ours.lineage, other.lineage):
        return _shared(service, store, ours, other)
    mine, theirs = (_read(service, store, one) for one in (ours, other))
    if mine is None or theirs is None:
        absent = ours if mine is None else other
        raise InfrastructureError(
            f"{ours.name} and {other.name} were tested on different rows, and the data of {absent.name} is not here "
            f"({_told_data(absent.lineage)}), so nobody can tell which rows it has learnt from",
            hint=f"towpath data pull {service.name} --from FOLDER",
        )
    return _without_known(mine, theirs, ours, other)


def held_out_alike(one: DataLineage, another: DataLineage) -> bool:
    """Whether two models were trained and tested on the very same rows."""
    return (one.origin, one.sources, one.rows, one.split.sha256, one.holdout) == (
        another.origin, another.sources, another.rows, another.split.sha256, another.holdout,
    )  # fmt: skip


def _shared(service: Service, store: ObjectStore, ours: Contender, other: Contender) -> SameRows:
    found = _read(service, store, ours) or _read(service, store, other)
    if found is None:
        return held_out_sample(store, ours)
    rows, _, test = found
    return SameRows(rows.features.iloc[test], rows.targets[test], f"the {len(test)} test rows of both")


def held_out_sample(store: ObjectStore, ours: Contender) -> SameRows:
    """The first test rows of a model, kept when it was trained. Raises InfrastructureError where they are not here."""
    try:
        content = store.get(ours.lineage.holdout)
    except TowpathError as error:
        raise InfrastructureError(
            f"the held-out sample of {ours.name} is not here, nor its data ({_told_data(ours.lineage)})",
            hint=f"towpath data pull {ours.contract.service} --from FOLDER",
        ) from error
    frame = pd.DataFrame([msgspec.json.decode(line) for line in content.splitlines()])
    targets = frame.pop(ours.contract.task.target).to_numpy()
    features = frame.astype({name: np.float64 for name in frame if pd.api.types.is_numeric_dtype(frame[name])})
    return SameRows(features, targets, f"a sample of {len(frame)} test rows of {ours.name}")


Known = tuple[LabelledRows, np.ndarray, np.ndarray]
"""A model's data with the positions of its training and its test rows."""


def _read(service: Service, store: ObjectStore, one: Contender) -> Known | None:
    """The data as it was when this one was trained, its split proved by the digest; None where it cannot be had."""
    lineage = one.lineage
    if not lineage.sources and one.seed is None:
        return None  # rows that were generated from a seed nobody knows any more
    try:
        rows = read_rows(_as_it_was(service, lineage), store, [], seed=one.seed or 0)
    except TowpathError:
        return None
    if (rows.origin, rows.sources, len(rows)) != (lineage.origin, lineage.sources, lineage.rows):
        return None
    split = Split(lineage.split.kind, lineage.split.test, lineage.split.seed)  # type: ignore[arg-type]  # it was one
    learn, test = split_rows(split, rows.targets)
    return (rows, learn, test) if describe_split(split, learn, test) == lineage.split else None


def _as_it_was(service: Service, lineage: DataLineage) -> Service:
    if not lineage.sources or isinstance(service.data.reads, Packaged):
        return service
    return with_data(service, with_sha256s(service.data, [source.sha256 for source in lineage.sources]))


def _without_known(mine: Known, theirs: Known, ours: Contender, other: Contender) -> SameRows:
    """Rows are told apart by their content: what looks like a row the other has learnt from is left out."""
    rows, _, test = mine
    seen = set(_digests(theirs[0], theirs[1]).tolist())
    fresh = test[[digest not in seen for digest in _digests(rows, test).tolist()]]
    if len(fresh) < FEWEST:
        raise UsageError(
            f"{other.name} has learnt from all but {len(fresh)} of the {len(test)} test rows of {ours.name}; "
            f"a comparison needs {FEWEST}",
            hint="train one of them on the split or the data of the other",
        )
    told = f"{len(fresh)} of the {len(test)} test rows of {ours.name}, which {other.name} has not learnt from"
    return SameRows(rows.features.iloc[fresh], rows.targets[fresh], told)


def _digests(rows: LabelledRows, positions: np.ndarray) -> np.ndarray:
    frame = rows.features.iloc[positions].assign(**{" target": rows.targets[positions]})
    return pd.util.hash_pandas_object(frame, index=False).to_numpy()


def _told_data(lineage: DataLineage) -> str:
    files = [f"{source.name} {source.sha256[:12]}" for source in lineage.sources]
    return ", ".join(files) or f"{lineage.rows} {lineage.origin} rows"
