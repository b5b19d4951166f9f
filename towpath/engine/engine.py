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
from towpath.engine.contributions import Contribution
from towpath.engine.encode import Encoder
from towpath.engine.graph import GraphModel
from towpath.engine.text import Counts, TextModel, read_text

WORST_SHOWN = 3


class Model(Protocol):
    """What the engine needs of a kind of model; rows are what its own `prepare` makes of records."""

    def prepare(self, record: Struct) -> Any: ...
    def raw(self, rows: Sequence[Any]) -> np.ndarray: ...
    def contributions(self, rows: Sequence[Any]) -> list[Contribution]: ...
    def explained(self, rows: Sequence[Any]) -> tuple[np.ndarray, list[Contribution]]:
        """Raw scores and contributions, for less than each by itself."""

    def knows(self, row: Any) -> bool: ...


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

    def see(self, rows: Sequence[Any]) -> list[Seen]:
        """All that the answers need to know of prepared records; contributions only where an answer asks for them."""
        known = map(self.model.knows, rows)
        if not self.answerer.needs_contributions:
            return [Seen(*seen) for seen in zip(self.score_rows(rows).tolist(), known, strict=True)]
        raw, added = self.model.explained(rows)
        return [Seen(*seen) for seen in zip(self.finish(raw).tolist(), known, added, strict=True)]

    def answers(self, records: Sequence[Struct], said: Said) -> list[dict[str, Any]]:
        """The replies to records, as the contract declares them."""
        seen = self.see([self.model.prepare(record) for record in records])
        return [self.answerer.answer(one, said) for one in seen]

    def contributions(self, records: Sequence[Struct]) -> list[Contribution]:
        """For each record, what each column or token adds to the raw score."""
        return self.model.contributions([self.model.prepare(record) for record in records])

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
        self._sources = [column.sources for column in encode.columns]
        self._names = list(dict.fromkeys(name for names in self._sources for name in names))
        self._plain = all(column.derive is None for column in encode.columns)
        self.prepare = self._encoder.row

    def raw(self, rows: Sequence[Sequence[float]]) -> np.ndarray:
        return self._graph.raw(self._array(rows))

    def contributions(self, rows: Sequence[Sequence[float]]) -> list[Contribution]:
        return self._contributions(self._graph.contributions(self._array(rows)))

    def explained(self, rows: Sequence[Sequence[float]]) -> tuple[np.ndarray, list[Contribution]]:
        """One pass: contributions add up to the raw score, which the graph would work out a second time."""
        added = self._graph.contributions(self._array(rows))
        return added.sum(axis=2) + self._base, self._contributions(added)

    def knows(self, row: Any) -> bool:
        return True

    def _contributions(self, added: np.ndarray) -> list[Contribution]:
        return [Contribution(self._base, tuple(self._named(output) for output in row)) for row in added.tolist()]

    def _array(self, rows: Sequence[Sequence[float]]) -> np.ndarray:
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self._sources))

    def _named(self, values: Sequence[float]) -> dict[str, float]:
        """By the record's columns. What a derived column adds goes to those that it is made of, in equal shares."""
        if self._plain:
            return dict(zip(self._names, values, strict=True))
        parts = dict.fromkeys(self._names, 0.0)
        for value, sources in zip(values, self._sources, strict=True):
            for name in sources:
                parts[name] += value / len(sources)
        return parts


class TextualModel:
    """A linear model over the tokens of one string."""

    def __init__(self, field: str, text: TextModel):
        self._field = field
        self._text = text

    def prepare(self, record: Struct) -> Counts:
        return self._text.count(getattr(record, self._field) or "")

    def raw(self, rows: Sequence[Counts]) -> np.ndarray:
        return np.array([self._text.score(row) for row in rows], dtype=np.float64)

    def contributions(self, rows: Sequence[Counts]) -> list[Contribution]:
        return [Contribution(tuple(self._text.base), tuple(self._text.parts(row))) for row in rows]

    def explained(self, rows: Sequence[Counts]) -> tuple[np.ndarray, list[Contribution]]:
        return self.raw(rows), self.contributions(rows)

    def knows(self, row: Counts) -> bool:
        return any(row)


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
