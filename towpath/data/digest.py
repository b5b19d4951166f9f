"""How many rows files have, and one digest of them all that is the same in any order and any way of writing them."""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from towpath.core.errors import UsageError
from towpath.declare.data import DataSet, Lines, Table

BITS = 128
LONGEST = 1 << 30  # characters of a cell; 131,072 is Python's own limit, and there are longer texts


def count_and_digest(data: DataSet, paths: Sequence[Path]) -> tuple[list[int], str]:
    """The rows of each file, and the sum of all rows' 128-bit hashes modulo 2^128 (32 hexadecimal digits).

    A row's hash is over its cells by column name, so neither the order of rows and columns nor quoting and line ends
    matter; how a number is written does. Sums can be added up over files. Raises UsageError where a file is no table.
    """
    counts, total = [], 0
    for part, path in zip(_labels(data), paths, strict=True):
        count = 0
        for row in _rows(data, part, path):
            count += 1
            total += int.from_bytes(hashlib.blake2b(row, digest_size=BITS // 8).digest())
        counts.append(count)
    return counts, f"{total % (1 << BITS):032x}"


def _labels(data: DataSet) -> list[str]:
    return list(data.reads.files) if isinstance(data.reads, Lines) else [""]


def _rows(data: DataSet, label: str, path: Path) -> Iterator[bytes]:
    match data.reads:
        case Table():
            return _of_table(path)
        case Lines(encoding=encoding):
            return _of_lines(path, encoding, label)
    raise UsageError("a data set that ships with scikit-learn has one version", hint="use csv() for data of your own")


def _of_table(path: Path) -> Iterator[bytes]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            csv.field_size_limit(LONGEST)
            rows = csv.reader(file)
            header = next(rows, [])
            order = sorted(range(len(header)), key=header.__getitem__)
            for row in rows:
                if row:
                    yield _bytes([(header[i], row[i]) for i in order if i < len(row)])
    except (UnicodeDecodeError, csv.Error) as error:
        hint = "it needs a header, and rows in UTF-8"
        raise UsageError(f"{path} cannot be read as csv: {error}", hint=hint) from error


def _of_lines(path: Path, encoding: str, label: str) -> Iterator[bytes]:
    try:
        with path.open(encoding=encoding, newline="\n") as file:
            for line in file:
                if line.strip():
                    yield _bytes([(label, line.removesuffix("\n"))])
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not in {encoding}: {error}", hint="name its encoding in lines(...)") from error


def _bytes(cells: list[tuple[str, str]]) -> bytes:
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
