"""Data sets read into tables: a frame of features, a frame of the other fields, and the targets."""

import csv
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from towpath.core.contract import Field
from towpath.core.errors import Faulty, UsageError
from towpath.core.lineage import RowFilter, Source
from towpath.core.quality import DataQuality
from towpath.data import pull
from towpath.data.check import cannot_filter, check_table, examine, nothing_there, require
from towpath.data.keep import keep_rows
from towpath.data.objects import ObjectStore
from towpath.declare.data import Lines, Packaged, Table
from towpath.declare.service import Service

MISSING_WORDS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None")
"""In a column of numbers; in one of strings each may be a category, as NA is Namibia."""


@dataclass(frozen=True)
class LabelledRows:
    """The rows a service learns from.

    features: one column for each feature column, numbers as float64, categories as strings, missing as NaN.
    others: the fields with another role, where the data has them. targets: class positions (int64) or values (float64).
    origin: `real`, or `generated` where the service's own generator stands in. read: how many rows there were before
    the filters, each of which says what it keeps and how many it drops. quality: what every rule said about the rest.
    """

    features: pd.DataFrame
    others: pd.DataFrame
    targets: np.ndarray
    origin: str
    sources: tuple[Source, ...]
    read: int = 0
    filters: tuple[RowFilter, ...] = ()
    quality: DataQuality = field(default_factory=DataQuality)

    def __len__(self) -> int:
        return len(self.targets)


def read_rows(service: Service, store: ObjectStore, folders: Sequence[Path], *, seed: int) -> LabelledRows:
    """The service's data set where its files can be had, rows of its generator otherwise; checked against the record.

    Raises InfrastructureError where there is neither, Faulty naming every column that breaks the record.
    """
    files = pull.pull(service.data, store, folders)
    if any(file.state == "missing" for file in files):
        return _generated(service, files, folders, seed)
    require_content(service, store)
    frame = _read(service, store)
    sources = tuple(Source(file.name, file.size, file.sha256) for file in files)
    return _rows(service, frame, "generated" if service.data.invented else "real", sources)


def read_quality(service: Service, store: ObjectStore) -> DataQuality:
    """What every rule says about the data set in the store, whether it may be learnt from or not.

    Raises UsageError where a file is no table.
    """
    if empty := _empty_files(service, store):
        return nothing_there(empty)
    frame = _read(service, store)
    try:
        frame, _ = keep_rows(service, frame)
    except Faulty as refused:
        return cannot_filter(service, frame, refused.faults)
    return examine(service, frame)


def require_content(service: Service, store: ObjectStore) -> None:
    """Raises Faulty where a file is empty."""
    if empty := _empty_files(service, store):
        require(service.name, nothing_there(empty))


def _empty_files(service: Service, store: ObjectStore) -> list[str]:
    return [source.name for source in service.data.reads.sources if not store.get(source.sha256).strip()]


def _generated(service: Service, files: Sequence[pull.Pulled], folders: Sequence[Path], seed: int) -> LabelledRows:
    if service.data.generator is None:
        pull.require(files, folders, service.name)
    frame = service.data.generator(service.data.generated_rows, seed)
    return _rows(service, frame, "generated", ())


def _read(service: Service, store: ObjectStore) -> pd.DataFrame:
    match service.data.reads:
        case Table(source=source, rename=rename):
            return _read_csv(service, store.get(source.sha256), rename)
        case Lines() as reads:
            return _read_lines(service, reads, store)
        case Packaged(columns=columns):
            content = store.get(service.data.reads.sources[0].sha256)
            return pd.read_csv(
                io.BytesIO(content), skiprows=1, header=None, names=[*columns, service.target.task.target]
            )


def _read_csv(service: Service, content: bytes, rename: Mapping[str, str]) -> pd.DataFrame:
    """Strings as they stand, "NA" and "007" too, missing where the cell is empty; numbers as pandas reads them."""
    frame = _cells(content, service.data.reads.sources[0].name).rename(columns=rename)
    strings = {field.name for field in service.fields if field.type == "string"}
    if all(isinstance(label, str) for label in service.target.labels) and service.target.labels:
        strings.add(service.target.task.target)
    for name in frame.columns.difference(list(strings)):
        frame[name] = _numbers(frame[name])
    return frame


def _cells(content: bytes, name: str) -> pd.DataFrame:
    """Every cell as text. Raises UsageError where the file is no table: pandas itself would shift or rename columns."""
    try:
        text = content.decode("utf-8-sig")
        header = _even_header(text, name)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""], index_col=False)
    except (ValueError, pd.errors.ParserWarning, csv.Error) as error:
        reason = str(error).strip().replace("\n", " ")
        hint = "it needs a header, and rows of as many cells, in UTF-8"
        raise UsageError(f"{name} cannot be read as csv: {reason}", hint=hint) from error
    if twice := sorted({column for column in header if header.count(column) > 1}):
        hint = "give each column a name of its own"
        raise UsageError(f"{name} has more than one column {', '.join(twice)}", hint=hint)
    return frame


def _even_header(text: str, name: str) -> list[str]:
    """The names of the columns. Raises UsageError where a row is uneven: pandas fills up without a word."""
    rows = csv.reader(io.StringIO(text))
    header = next(rows, [])
    mark = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), "")
    if mark:
        hint = f"write it with commas: pandas.read_csv(FILE, sep={mark!r}).to_csv(FILE, index=False)"
        raise UsageError(
            f"{name} is parted by {mark!r}, not by commas: its only column is {header[0][:80]!r}", hint=hint
        )
    uneven = [(rows.line_num, len(row)) for row in rows if row and len(row) != len(header)]
    if uneven:
        line, cells = uneven[0]
        count = "1 row has" if len(uneven) == 1 else f"{len(uneven)} rows have"
        raise UsageError(
            f"{name} cannot be read as csv: {count} not the {len(header)} cells of the header; "
            f"the first, which ends in line {line}, has {cells}",
            hint="mend the file; its end is missing where only the last row is short",
        )
    return header


def _numbers(cells: pd.Series) -> pd.Series:
    """A column of numbers, or of true and false; a column with anything else stays as it is, to be told of.

    The words with which tables say missing become missing.
    """
    cells = cells.mask(cells.isin(MISSING_WORDS))
    truths = cells.str.lower().map({"true": 1.0, "false": 0.0})
    if truths.notna().equals(cells.notna()):
        return truths
    try:
        return pd.to_numeric(cells)
    except ValueError:
        return cells


def _read_lines(service: Service, reads: Lines, store: ObjectStore) -> pd.DataFrame:
    """One text a line; broken at \\n alone, since texts hold other characters that Python calls line ends."""
    field = next(field.name for field in service.fields if field.role == "feature")
    parts = []
    for label, source in reads.files.items():
        texts = store.get(source.sha256).decode(reads.encoding).split("\n")
        parts.append(pd.DataFrame({field: [text for text in texts if text.strip()], service.target.task.target: label}))
    return pd.concat(parts, ignore_index=True)


def _rows(service: Service, frame: pd.DataFrame, origin: str, sources: tuple[Source, ...]) -> LabelledRows:
    read = len(frame)
    try:
        frame, filters = keep_rows(service, frame)
    except Faulty as refused:
        require(service.name, cannot_filter(service, frame, refused.faults))
        raise
    quality = check_table(service, frame)
    features = {
        name: _column(field, frame[name])
        for field in service.fields
        if field.role == "feature"
        for name in field.columns
    }
    others = [field.name for field in service.fields if field.role != "feature" and field.name in frame]
    return LabelledRows(
        pd.DataFrame(features), frame[others].copy(), _targets(service, frame), origin, sources, read, filters, quality
    )


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
