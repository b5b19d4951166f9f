"""Score a file: read a batch, answer it, write it, go on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.cli.scoring.inputs import Batch, Broken, Input, Row
from towpath.cli.scoring.outputs import Output, Rejects
from towpath.cli.scoring.progress import Update
from towpath.cli.scoring.records import Reader, Reading
from towpath.core.contract import Contract
from towpath.core.errors import UsageError
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
    leaves_out: bool = False  # some of the answers

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys([*self.kept, *self.ids, *self.answers]))


@dataclass(frozen=True)
class Scored:
    """How many rows were answered, and how many could not be."""

    answered: int
    rejected: int


def lay_out(contract: Contract, source: Input, keep_input: bool, only: Sequence[str] = ()) -> Layout:
    """The input's ids, or all its columns where asked for; one with an answer's name becomes `input.<name>`.

    Of the answers all, or only some. Raises UsageError for one that the service does not give.
    """
    known = tuple(entry.name for entry in contract.answer)
    if wrong := [name for name in only if name not in known]:
        raise UsageError(f"{contract.service} answers no {wrong[0]!r}", hint=f"its answers are {', '.join(known)}")
    answers = tuple(name for name in known if name in only or not only)
    given = source.columns or tuple(field.name for field in contract.record)
    kept = {f"input.{name}" if name in answers else name: name for name in given} if keep_input else {}
    ids = tuple(field.name for field in contract.record if field.role == "id" and field.name in given)
    return Layout(kept, tuple(name for name in ids if name not in kept), answers, answers != known)


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
    seen = engine.see([engine.model.prepare(record) for record in reading.records])
    told = [i for i, scores in enumerate(seen.scores.tolist()) if all(map(math.isfinite, scores))]
    for i in sorted(set(range(len(seen))) - set(told)):
        rejects.add(first + reading.positions[i], batch.row(reading.positions[i]), [NOT_FINITE])
    found = []
    for i, answered in zip(told, engine.answerer.answers(seen[told], said), strict=True):
        row = kept_values(batch.row(reading.positions[i]), layout.kept) if layout.kept else {}
        row |= {name: getattr(reading.records[i], name) for name in layout.ids}
        found.append(row | ({name: answered[name] for name in layout.answers} if layout.leaves_out else answered))
    return found


def kept_values(row: Row | Broken, kept: dict[str, str]) -> Row:
    """The columns of the input that are kept, as they stand there; a row that became a record is not broken."""
    return {name: row.get(source) for name, source in kept.items()} if isinstance(row, dict) else {}
