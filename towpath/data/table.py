"""Data sets read into tables: a frame of features, a frame of the other fields, and the targets."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from towpath.core.contract import Field
from towpath.core.lineage import Source
from towpath.data import pull
from towpath.data.check import check_table
from towpath.data.objects import ObjectStore
from towpath.declare.data import Lines, Packaged, Table
from towpath.declare.service import Service


@dataclass(frozen=True)
class LabelledRows:
    """The rows a service learns from.

    features: one column for each feature column, numbers as float64, categories as strings, missing as NaN.
    others: the fields with another role, where the data has them. targets: class positions (int64) or values (float64).
    origin: `real`, or `generated` where the service's own generator stands in.
    """

    features: pd.DataFrame
    others: pd.DataFrame
    targets: np.ndarray
    origin: str
    sources: tuple[Source, ...]

    def __len__(self) -> int:
        return len(self.targets)


def read_rows(service: Service, store: ObjectStore, folders: Sequence[Path], *, seed: int) -> LabelledRows:
    """The service's data set where its files can be had, rows of its generator otherwise; checked against the record.

    Raises InfrastructureError where there is neither, Faulty naming every column that breaks the record.
    """
    files = pull.pull(service.data, store, folders)
    if any(file.state == "missing" for file in files):
        return _generated(service, files, folders, seed)
    frame = _read(service, store)
    sources = tuple(Source(file.name, file.size, file.sha256) for file in files)
    return _rows(service, frame, "generated" if service.data.invented else "real", sources)


def _generated(service: Service, files: Sequence[pull.Pulled], folders: Sequence[Path], seed: int) -> LabelledRows:
    if service.data.generator is None:
        pull.require(files, folders)
    frame = service.data.generator(service.data.generated_rows, seed)
    return _rows(service, frame, "generated", ())


def _read(service: Service, store: ObjectStore) -> pd.DataFrame:
    match service.data.reads:
        case Table(source=source, rename=rename):
            return pd.read_csv(io.BytesIO(store.get(source.sha256))).rename(columns=rename)
        case Lines() as reads:
            return _read_lines(service, reads, store)
        case Packaged(columns=columns):
            content = store.get(service.data.reads.sources[0].sha256)
            return pd.read_csv(
                io.BytesIO(content), skiprows=1, header=None, names=[*columns, service.target.task.target]
            )


def _read_lines(service: Service, reads: Lines, store: ObjectStore) -> pd.DataFrame:
    """One text a line; broken at \\n alone, since texts hold other characters that Python calls line ends."""
    field = next(field.name for field in service.fields if field.role == "feature")
    parts = []
    for label, source in reads.files.items():
        texts = store.get(source.sha256).decode(reads.encoding).split("\n")
        parts.append(pd.DataFrame({field: [text for text in texts if text.strip()], service.target.task.target: label}))
    return pd.concat(parts, ignore_index=True)


def _rows(service: Service, frame: pd.DataFrame, origin: str, sources: tuple[Source, ...]) -> LabelledRows:
    check_table(service, frame)
    features = {
        name: _column(field, frame[name])
        for field in service.fields
        if field.role == "feature"
        for name in field.columns
    }
    others = [field.name for field in service.fields if field.role != "feature" and field.name in frame]
    return LabelledRows(pd.DataFrame(features), frame[others].copy(), _targets(service, frame), origin, sources)


def _column(field: Field, values: pd.Series) -> pd.Series:
    if field.type == "string" or field.choices:
        return values.astype(object).where(values.notna(), np.nan)
    return values.astype(np.float64)


def _targets(service: Service, frame: pd.DataFrame) -> np.ndarray:
    values = frame[service.target.task.target]
    if service.target.task.kind == "regression":
        return values.to_numpy(np.float64)
    positions = {label: position for position, label in enumerate(service.target.labels)}
    return values.map(positions).to_numpy(np.int64)
