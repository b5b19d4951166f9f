"""Files of rows, read a batch at a time: csv, jsonl and parquet."""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

import msgspec

from towpath.core.errors import UsageError

BATCH = 4_096  # rows; larger ones are no faster, and the memory for this many is a few megabytes
READ_AHEAD = 1 << 16  # bytes of each column of a parquet file
LONGEST_CELL = 16 << 20  # bytes; Python's own limit of 128 kB is less than a long review

Row = dict[str, Any]


class Broken(msgspec.Struct, frozen=True):
    """A row that cannot be read at all: what is wrong, and what stands there."""

    reason: str
    given: Any


class Batch(Protocol):
    """Some rows. A table gives them by column, which is much faster, unless one of them is broken."""

    def __len__(self) -> int: ...
    def columns(self) -> dict[str, Sequence[Any]] | None: ...
    def row(self, position: int) -> Row | Broken: ...


class Input(Protocol):
    """A file of rows.

    columns are the names its rows have, None where each row may have others. is_text says that all values are strings
    that stand for what they mean. share is how much of the file has been read, 0 to 1.
    """

    columns: tuple[str, ...] | None
    is_text: bool

    def batches(self) -> Iterator[Batch]: ...
    def share(self) -> float: ...
    def close(self) -> None: ...


def open_input(path: Path, kind: str) -> Input:
    """Raises UsageError for a file that is not of its kind; OSError where it cannot be opened."""
    kinds: dict[str, Callable[[Path], Input]] = {"csv": CsvInput, "jsonl": JsonlInput, "parquet": ParquetInput}
    return kinds[kind](path)


@dataclass(frozen=True)
class Cells:
    """Rows of a csv file."""

    names: tuple[str, ...]
    cells: list[list[str]]

    def __len__(self) -> int:
        return len(self.cells)

    def columns(self) -> dict[str, Sequence[Any]] | None:
        if set(map(len, self.cells)) != {len(self.names)}:
            return None
        return dict(zip(self.names, zip(*self.cells, strict=True), strict=True))

    def row(self, position: int) -> Row | Broken:
        cells = self.cells[position]
        if len(cells) != len(self.names):
            return Broken(f"has {len(cells)} cells; the header names {len(self.names)}", cells)
        return dict(zip(self.names, cells, strict=True))


@dataclass(frozen=True)
class Table:
    """Rows of a parquet file."""

    values: dict[str, Sequence[Any]]
    rows: int

    def __len__(self) -> int:
        return self.rows

    def columns(self) -> dict[str, Sequence[Any]] | None:
        return self.values

    def row(self, position: int) -> Row | Broken:
        return {name: values[position] for name, values in self.values.items()}


@dataclass(frozen=True)
class Objects:
    """Lines of a jsonl file."""

    given: list[Row | Broken]

    def __len__(self) -> int:
        return len(self.given)

    def columns(self) -> dict[str, Sequence[Any]] | None:
        return None

    def row(self, position: int) -> Row | Broken:
        return self.given[position]


class CsvInput:
    """A header and rows of cells, UTF-8."""

    is_text = True

    def __init__(self, path: Path):
        csv.field_size_limit(LONGEST_CELL)
        self._path = path
        self._file = path.open(encoding="utf-8-sig", newline="")
        self._size = path.stat().st_size or 1
        self._rows = csv.reader(self._file)
        self._names = self._header()
        self.columns: tuple[str, ...] | None = self._names

    def _header(self) -> tuple[str, ...]:
        first = self._next(1)
        names = tuple(name.strip() for name in first[0]) if first else ()
        if not names:
            raise UsageError(f"{self._path} is empty; a csv file begins with a line of column names")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"{self._path} names a column twice: {', '.join(twice)}")
        return names

    def batches(self) -> Iterator[Batch]:
        while cells := self._next(BATCH):
            yield Cells(self._names, [row for row in cells if row])  # an empty line is no row

    def share(self) -> float:
        return share_read(self._file.buffer.raw, self._size)  # type: ignore[attr-defined]  # a file opened by its path has one

    def close(self) -> None:
        self._file.close()

    def _next(self, count: int) -> list[list[str]]:
        try:
            return list(islice(self._rows, count))
        except (csv.Error, UnicodeDecodeError) as error:
            where = f"{self._path} cannot be read as csv after line {self._rows.line_num}"
            raise UsageError(f"{where}: {error}", hint="save it as UTF-8") from error


class JsonlInput:
    """One JSON object a line, each a record as the service takes it over HTTP."""

    is_text = False

    def __init__(self, path: Path):
        self._file: BinaryIO = path.open("rb")
        self._size = path.stat().st_size or 1
        self.columns: tuple[str, ...] | None = None

    def batches(self) -> Iterator[Batch]:
        while lines := list(islice(self._file, BATCH)):
            yield Objects([self._row(line) for line in lines if line.strip()])

    def share(self) -> float:
        return share_read(self._file, self._size)

    def close(self) -> None:
        self._file.close()

    def _row(self, line: bytes) -> Row | Broken:
        try:
            given = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Broken(f"is not JSON: {error}", line.decode(errors="replace").rstrip("\n"))
        return given if isinstance(given, dict) else Broken("should be an object", given)


class ParquetInput:
    """A parquet file, read by pyarrow, part of a row group at a time."""

    is_text = False

    def __init__(self, path: Path):
        arrow = load_arrow()
        try:
            # pyarrow would read whole row groups ahead, and a file is often one of them.
            self._file = arrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=READ_AHEAD)
        except arrow.ArrowInvalid as error:
            raise UsageError(f"{path} is not a parquet file: {error}") from error
        self._read = 0
        self.columns: tuple[str, ...] | None = tuple(self._file.schema_arrow.names)

    def batches(self) -> Iterator[Batch]:
        for batch in self._file.iter_batches(BATCH, use_threads=False):  # each thread has buffers of its own
            self._read += len(batch)
            yield Table(batch.to_pydict(), len(batch))

    def share(self) -> float:
        return float(self._read / (self._file.metadata.num_rows or 1))

    def close(self) -> None:
        self._file.close()


def load_arrow() -> Any:
    """pyarrow, with the system's allocator: its own keeps 20 MB more, and ever more with the rows."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # read once, when pyarrow is loaded
    import pyarrow
    import pyarrow.parquet

    return pyarrow


def share_read(file: IO[bytes], size: int) -> float:
    """Of a pipe nobody knows."""
    return min(1.0, file.tell() / size) if file.seekable() else 0.0
