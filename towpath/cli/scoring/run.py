"""Score a file: read a batch, answer it, write it, go on."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.cli.scoring.inputs import Batch, Broken, Input, Row
from towpath.cli.scoring.outputs import Output, Rejects
from towpath.cli.scoring.progress import Update
from towpath.cli.scoring.records import Reader, Reading
from towpath.core.contract import Contract
from towpath.core.faults import Fault

if TYPE_CHECKING:
    from towpath.engine.answers import Said
    from towpath.engine.engine import Engine

NOT_FINITE = Fault((), "finite", "the model's score is not a finite number")


@dataclass(frozen=True)
class Layout:
    """The columns of the output: kept ones as {name there: name in the input}, then ids, then answers."""

    kept: dict[str, str]
    ids: tuple[str, ...]
    answers: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys([*self.kept, *self.ids, *self.answers]))


@dataclass(frozen=True)
class Scored:
    """How many rows were answered, and how many could not be."""

    answered: int
    rejected: int


def lay_out(contract: Contract, source: Input, keep_input: bool) -> Layout:
    """The input's ids, or all its columns where asked for; one with an answer's name becomes `input.<name>`."""
    answers = tuple(entry.name for entry in contract.answer)
    given = source.columns or tuple(field.name for field in contract.record)
    kept = {f"input.{name}" if name in answers else name: name for name in given} if keep_input else {}
    ids = tuple(field.name for field in contract.record if field.role == "id" and field.name in given)
    return Layout(kept, tuple(name for name in ids if name not in kept), answers)


def score_rows(
    engine: "Engine", said: "Said", source: Input, layout: Layout, sink: Output, rejects: Rejects, update: Update
) -> Scored:
    """Answers as the engine gives them, in the order of the rows, in memory for one batch."""
    reader = Reader(engine.contract, source)
    rows = answered = 0
    for batch in source.batches():
        reading = reader.read(batch)
        for position, faults in reading.rejected:
            rejects.add(rows + position + 1, batch.row(position), faults)
        found = answer(engine, said, batch, reading, layout, rejects, rows + 1)
        sink.write(found)
        rows, answered = rows + len(batch), answered + len(found)
        update(rows, source.share())
    return Scored(answered, rejects.count)


def answer(
    engine: "Engine", said: "Said", batch: Batch, reading: Reading, layout: Layout, rejects: Rejects, first: int
) -> list[Row]:
    """One output row for each record; a record whose score is not finite is rejected, since that is no answer."""
    if not reading.records:
        return []
    found = []
    seen = engine.see([engine.model.prepare(record) for record in reading.records])
    for one, record, position in zip(seen, reading.records, reading.positions, strict=True):
        if not all(map(math.isfinite, one.scores)):
            rejects.add(first + position, batch.row(position), [NOT_FINITE])
            continue
        row = kept_values(batch.row(position), layout.kept) if layout.kept else {}
        for name in layout.ids:
            row[name] = getattr(record, name)
        row.update(engine.answerer.answer(one, said))
        found.append(row)
    return found


def kept_values(row: Row | Broken, kept: dict[str, str]) -> Row:
    """The columns of the input that are kept, as they stand there; a row that became a record is not broken."""
    return {name: row.get(source) for name, source in kept.items()} if isinstance(row, dict) else {}
