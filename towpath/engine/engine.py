"""One engine turns a bundle into answers; parity, golden check, score, serve, gates and diff all use it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec import Struct

from towpath.bundle.read import Bundle
from towpath.core import manifest
from towpath.core.contract import Contract, features_alone, record_type
from towpath.core.errors import VerificationRefused
from towpath.core.golden import GoldenRow, differs
from towpath.core.plan import Encode, Finish, Graph, Plan, Text
from towpath.core.settings import Settings
from towpath.engine import links
from towpath.engine.answers import Answerer, Said, Seen
from towpath.engine.contributions import ColumnParts, Contribution, Parts, TermParts
from towpath.engine.encode import Encoder
from towpath.engine.graph import GraphModel
from towpath.engine.text import Counts, TextModel, read_text

WORST_SHOWN = 3


class Model(Protocol):
    """What the engine needs of a kind of model; rows are what its own `prepare` makes of records."""

    def prepare(self, record: Struct) -> Any: ...
    def gather(self, rows: Sequence[Any]) -> Sequence[Any] | np.ndarray:
        """Rows as the other functions take them most quickly, which take them as they are, too."""

    def raw(self, rows: Sequence[Any] | np.ndarray) -> np.ndarray: ...
    def contributions(self, rows: Sequence[Any] | np.ndarray) -> Parts: ...
    def explained(self, rows: Sequence[Any] | np.ndarray) -> tuple[np.ndarray, Parts]:
        """Raw scores and contributions, for less than each by itself."""

    def knows(self, rows: Sequence[Any] | np.ndarray) -> Sequence[bool] | None:
        """Whether the model knows anything of each; None where it always does."""


class Engine:
    """Scores, contributions and golden check of one bundle. Made by `open_engine`."""

    def __init__(self, contract: Contract, settings: Settings, model: Model, finish: Finish):
        self.contract = contract
        self.settings = settings
        self._record_type = record_type(features_alone(contract))
        self.model = model
        self.link = finish.link
        self.answerer = Answerer(contract, settings, finish.link, finish.intervals)
        self.finish = links.LINKS[finish.link]

    def scores(self, records: Sequence[Struct]) -> np.ndarray:
        """float64 (records, outputs): the positive class's probability, all classes' probabilities, or the value."""
        return self.score_rows([self.model.prepare(record) for record in records])

    def score_rows(self, rows: Sequence[Any]) -> np.ndarray:
        """The same for records that are prepared already; so a server prepares on arrival and scores many at once."""
        return self.finish(self.model.raw(rows))

    def see(self, rows: Sequence[Any]) -> Seen:
        """All that the answers need to know of prepared records; contributions only where an answer asks for them."""
        model, parts = self.model, None
        gathered = model.gather(rows)
        if self.answerer.needs_contributions:
            raw, parts = model.explained(gathered)
        else:
            raw = model.raw(gathered)
        table = gathered if isinstance(gathered, np.ndarray) else None
        return Seen(self.finish(raw), model.knows(gathered), parts, table)

    def answers(self, records: Sequence[Struct], said: Said) -> list[dict[str, Any]]:
        """The replies to records, as the contract declares them."""
        return self.answerer.answers(self.see([self.model.prepare(record) for record in records]), said)

    def contributions(self, records: Sequence[Struct]) -> Sequence[Contribution]:
        """For each record, what each column or token adds to the raw score."""
        return self.model.contributions([self.model.prepare(record) for record in records]).each()

    def read(self, record: Mapping[str, Any]) -> Struct:
        """A plain mapping as a record of which only the features must be there. Raises msgspec.ValidationError."""
        return msgspec.convert(record, self._record_type)

    def check(self, golden: Sequence[GoldenRow]) -> None:
        """Answer every golden row; raises VerificationRefused naming the rows that come out otherwise than recorded."""
        try:
            records = [self.read(row.record) for row in golden]
        except msgspec.ValidationError as error:
            told = f"a golden row of {self.contract.service} breaks the contract: {error}"
            raise VerificationRefused(told, hint="train and pack again") from error
        scores = self.scores(records)
        wrong = [i for i, row in enumerate(golden) if differs(row, tuple(scores[i]))]
        if wrong:
            shown = "; ".join(_wrong_row(i, golden[i], tuple(scores[i])) for i in wrong[:WORST_SHOWN])
            raise VerificationRefused(
                f"{len(wrong)} of {len(golden)} golden rows of {self.contract.service} come out otherwise: {shown}",
                hint="the model or the library that runs it is not the one that was proved; train again",
            )


class TabularModel:
    """An ONNX graph over float64 rows."""

    def __init__(self, encode: Encode, graph: GraphModel, base: tuple[float, ...]):
        self._encoder = Encoder(encode)
        self._graph = graph
        self._base = base
        self._width = len(encode.columns)
        sources = [column.sources for column in encode.columns]
        self._names = list(dict.fromkeys(name for names in sources for name in names))
        derived = any(column.derive for column in encode.columns)
        self._shares = _shares(sources, self._names) if derived else None
        self.prepare = self._encoder.row

    def gather(self, rows: Sequence[Any] | np.ndarray) -> np.ndarray:
        return np.asarray(rows, dtype=np.float64).reshape(len(rows), self._width)

    def raw(self, rows: Sequence[Any] | np.ndarray) -> np.ndarray:
        return self._graph.raw(self.gather(rows))

    def contributions(self, rows: Sequence[Any] | np.ndarray) -> ColumnParts:
        return self._parts(self._graph.contributions(self.gather(rows)))

    def explained(self, rows: Sequence[Any] | np.ndarray) -> tuple[np.ndarray, ColumnParts]:
        """One pass: contributions add up to the raw score, which the graph would work out a second time."""
        added = self._graph.contributions(self.gather(rows))
        return added.sum(axis=2) + self._base, self._parts(added)

    def knows(self, rows: Sequence[Any] | np.ndarray) -> None:
        return None

    def _parts(self, added: np.ndarray) -> ColumnParts:
        return ColumnParts(self._base, self._names, added if self._shares is None else added @ self._shares)


def _shares(sources: Sequence[Sequence[str]], names: Sequence[str]) -> np.ndarray:
    """(columns, names): what a derived column adds goes to the record's that it is made of, in equal shares."""
    shares = np.zeros((len(sources), len(names)))
    for column, several in enumerate(sources):
        for name in several:
            shares[column, names.index(name)] += 1.0 / len(several)
    return shares


class TextualModel:
    """A linear model over the tokens of one string."""

    def __init__(self, field: str, text: TextModel):
        self._field = field
        self._text = text

    def prepare(self, record: Struct) -> Counts:
        return self._text.count(getattr(record, self._field) or "")

    def gather(self, rows: Sequence[Counts]) -> Sequence[Counts]:
        return rows

    def raw(self, rows: Sequence[Counts] | np.ndarray) -> np.ndarray:
        return np.array([self._text.score(row) for row in rows], dtype=np.float64)

    def contributions(self, rows: Sequence[Counts] | np.ndarray) -> TermParts:
        base = tuple(self._text.base)
        return TermParts([Contribution(base, tuple(self._text.parts(row))) for row in rows])

    def explained(self, rows: Sequence[Counts] | np.ndarray) -> tuple[np.ndarray, TermParts]:
        return self.raw(rows), self.contributions(rows)

    def knows(self, rows: Sequence[Counts] | np.ndarray) -> list[bool]:
        return [any(row) for row in rows]


def open_engine(bundle: Bundle) -> Engine:
    """The engine of a verified bundle; nothing is read from the disk any more. Raises VerificationRefused."""
    return build_engine(bundle.contract, bundle.plan, bundle.settings, bundle.files)


def build_engine(contract: Contract, plan: Plan, settings: Settings, files: Mapping[str, bytes]) -> Engine:
    """The engine of a plan and its files, packed or not yet."""
    match plan.steps:
        case (Encode() as encode, Graph() as graph, Finish() as finish):
            explain = _file(files, graph.explain) if graph.explain else None
            model: Model = TabularModel(encode, GraphModel(_file(files, graph.file), explain), graph.base)
        case (Text() as text, Finish() as finish):
            model = TextualModel(text.field, TextModel(read_text(_file(files, text.file))))
        case steps:
            names = ", ".join(type(step).__name__.lower() for step in steps)
            raise VerificationRefused(
                f"{manifest.PLAN} has steps no engine runs: {names}", hint="encode, graph, finish or text, finish"
            )
    return Engine(contract, settings, model, finish)


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise VerificationRefused(f"{manifest.PLAN} needs {name}, which is not there", hint="pack the bundle again")
    return files[name]


def _wrong_row(number: int, row: GoldenRow, scores: tuple[float, ...]) -> str:
    given, recorded = ([round(score, 9) for score in some] for some in (scores, row.scores))
    return f"row {number} gives {given}, recorded is {recorded}"
