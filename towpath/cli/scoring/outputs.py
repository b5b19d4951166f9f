"""Files of answers, written beside and renamed at the end, so that a half-written one is never seen."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from towpath.cli.scoring.inputs import Broken, Row, load_arrow
from towpath.core.answer import answer_schema
from towpath.core.contract import Contract
from towpath.core.errors import UsageError
from towpath.core.faults import Fault

GROUP = 65_536  # rows; the writer keeps half a kilobyte for each column of each row group until the file ends
SPECIAL = re.compile(r'[",\r\n]')


class Output(Protocol):
    """A file of rows that all have the same names, in the same order."""

    def write(self, rows: Sequence[Row]) -> None: ...
    def close(self) -> None: ...


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A name to write to, in a folder beside that nobody else has; it takes its place if all goes well."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.writing-", dir=path.parent) as beside:
        written = Path(beside) / path.name
        yield written
        written.replace(path)


def rejects_of(output: Path) -> Path:
    """Where the rows go that are no record."""
    return output.with_name(output.name + ".rejected.jsonl")


def open_output(path: Path, kind: str, contract: Contract, names: Sequence[str]) -> Output:
    """names are all columns, in order; those that are no answer are ids and kept input."""
    if kind == "csv":
        return CsvOutput(path, names)
    if kind == "jsonl":
        return JsonlOutput(path)
    return ParquetOutput(path, contract, names)


class CsvOutput:
    """Lists and objects are written as JSON, nothing as an empty cell."""

    def __init__(self, path: Path, names: Sequence[str]):
        self._file = path.open("w", encoding="utf-8", newline="")
        self._file.write(",".join(map(quoted, names)) + "\n")

    def write(self, rows: Sequence[Row]) -> None:
        columns = [cells(values) for values in zip(*(row.values() for row in rows), strict=True)]
        self._file.writelines(",".join(line) + "\n" for line in zip(*columns, strict=True))

    def close(self) -> None:
        self._file.close()


class JsonlOutput:
    """One JSON object a line."""

    def __init__(self, path: Path):
        self._file = path.open("wb")
        self._encode = msgspec.json.Encoder(enc_hook=str).encode

    def write(self, rows: Sequence[Row]) -> None:
        self._file.write(b"".join([self._encode(row) + b"\n" for row in rows]))

    def close(self) -> None:
        self._file.close()


class ParquetOutput:
    """Answers with types of their own: objects of numbers as maps; kept input as text."""

    def __init__(self, path: Path, contract: Contract, names: Sequence[str]):
        self._arrow = arrow = load_arrow()
        kinds = column_kinds(contract)
        types = {
            "integer": arrow.int64(),
            "number": arrow.float64(),
            "boolean": arrow.bool_(),
            "array": arrow.list_(arrow.float64()),
            "object": arrow.map_(arrow.string(), arrow.float64()),
        }
        self._kinds = {name: kinds.get(name, "text") for name in names}
        self._schema = arrow.schema([(name, types.get(kind, arrow.string())) for name, kind in self._kinds.items()])
        self._writer = arrow.parquet.ParquetWriter(path, self._schema)
        self._waiting: list[Any] = []

    def write(self, rows: Sequence[Row]) -> None:
        columns = {name: [arrow_value(row[name], kind) for row in rows] for name, kind in self._kinds.items()}
        try:
            self._waiting.append(self._arrow.table(columns, self._schema))
        except (self._arrow.ArrowInvalid, self._arrow.ArrowTypeError) as error:
            raise UsageError(f"parquet cannot hold these answers: {error}", hint="write csv or jsonl") from error
        if sum(map(len, self._waiting)) >= GROUP:
            self._write_group()

    def close(self) -> None:
        with closing(self._writer):
            self._write_group()

    def _write_group(self) -> None:
        if self._waiting:
            self._writer.write_table(self._arrow.concat_tables(self._waiting))
        self._waiting = []


class Rejects:
    """OUTPUT.rejected.jsonl: rows that are no record, each with its number, its faults and what was given.

    The file appears only if there is such a row; one of an earlier run goes away.
    """

    def __init__(self, output: Path):
        self.path = rejects_of(output)
        self.count = 0

    @contextmanager
    def kept(self) -> Iterator[None]:
        with written_whole(self.path) as beside, closing(JsonlOutput(beside)) as self._lines:
            yield
        if not self.count:
            self.path.unlink()

    def add(self, number: int, row: Row | Broken, faults: Sequence[Fault]) -> None:
        """Numbers count the rows from 1, a csv header not among them."""
        told = [{"path": fault.where(), "reason": fault.reason} for fault in faults]
        self._lines.write([{"row": number, "faults": told, "given": row.given if isinstance(row, Broken) else row}])
        self.count += 1


def column_kinds(contract: Contract) -> dict[str, str]:
    """JSON Schema's word for the type of every answer, and of every id; a constant has none."""
    answers = {entry.name: answer_schema(entry.item, contract.task.classes) for entry in contract.answer}
    ids = {field.name: field.type for field in contract.record if field.role == "id"}
    return {**ids, **{name: str(schema.get("type", "text")) for name, schema in answers.items()}}


def cells(values: Sequence[Any]) -> Sequence[str]:
    """A column's values as csv cells; by column, since Python's csv writer takes twice as long over answers."""
    kinds = set(map(type, values))
    if kinds == {float}:
        return list(map(repr, values))
    if kinds == {str} and not SPECIAL.search("".join(values)):
        return values
    return [quoted(text(value)) for value in values]


def text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return repr(value) if isinstance(value, float) else msgspec.json.encode(value, enc_hook=str).decode()


def quoted(given: str) -> str:
    """RFC 4180: quotes around a cell that needs them, and every quote in it twice."""
    return '"' + given.replace('"', '""') + '"' if SPECIAL.search(given) else given


def arrow_value(value: Any, kind: str) -> Any:
    if value is None or kind in ("integer", "number", "boolean", "array"):
        return value
    if kind == "object":
        return list(value.items())
    return text(value)
