"""Scores to answers: one small function for each word of the answer vocabulary, chosen once per bundle."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from towpath.core import answer as item
from towpath.core.contract import Contract
from towpath.core.errors import VerificationRefused
from towpath.core.plan import PredictionInterval
from towpath.core.settings import Settings
from towpath.engine.contributions import Parts

Scores = Sequence[float]


class Said(Struct, frozen=True, gc=False):
    """What an answer says beside the model: who answered, when, and which request."""

    release: str
    timestamp: str
    request_id: str = ""


class Seen:
    """What is known of some records; a slice or a list of positions takes some of them.

    scores: float64 (records, outputs). known: whether the model knows anything of each record, None where it always
    does. parts: their contributions, if asked for. rows: float64 (records, columns) as a graph sees them, if it does.
    """

    __slots__ = ("known", "parts", "positive", "rows", "scores")

    def __init__(
        self,
        scores: np.ndarray,
        known: Sequence[bool] | None = None,
        parts: Parts | None = None,
        rows: np.ndarray | None = None,
    ):
        self.scores, self.known, self.parts, self.rows = scores, known, parts, rows
        self.positive: list[float] = scores[:, 0].tolist()  # the first output: of two classes the positive one's

    def __len__(self) -> int:
        return len(self.positive)

    def __getitem__(self, which: slice | list[int]) -> "Seen":
        known = None if self.known is None else np.array(self.known)[which].tolist()
        parts = None if self.parts is None else self.parts[which]
        return Seen(self.scores[which], known, parts, None if self.rows is None else self.rows[which])

    @property
    def finite(self) -> bool:
        """Whether all of it can be told: JSON would show a number that is none as null."""
        return bool(np.isfinite(self.scores).all()) and (self.parts is None or self.parts.finite)


def together(some: Sequence[Seen]) -> Seen:
    """Scores and rows of several as one; what else was seen of them is left out, since nobody asks for it again."""
    if len(some) == 1:
        return some[0]
    rows = [one.rows for one in some if one.rows is not None]
    return Seen(np.concatenate([one.scores for one in some]), rows=np.concatenate(rows) if rows else None)


Column = Sequence[Any]
Give = Callable[[Seen, Said], Column]
"""One entry of the answers, for all records: a call for each record would cost more than what it does."""


class Answerer:
    """Gives the answers of a contract under some settings.

    needs_contributions says whether an answer asks for them: then the model is asked for these, and adds them up.
    tells_request says whether an answer names its request, so that no two requests are answered alike.
    """

    def __init__(self, contract: Contract, settings: Settings, link: str, intervals: Sequence[PredictionInterval] = ()):
        self._contract = contract
        self._settings = settings
        self._link = link
        self._intervals = {interval.level: interval for interval in intervals}
        self._binary = contract.task.kind == "binary"
        self._names = [entry.name for entry in contract.answer]
        self._gives = [self._give(entry.name, entry.item) for entry in contract.answer]
        self.needs_contributions = any(isinstance(entry.item, item.Contributions) for entry in contract.answer)
        self.tells_request = any(isinstance(entry.item, item.RequestId) for entry in contract.answer)

    def answers(self, seen: Seen, said: Said) -> list[dict[str, Any]]:
        """The replies, each with its entries in the declared order."""
        columns = [give(seen, said) for give in self._gives]
        names = self._names
        return [dict(zip(names, entries, strict=True)) for entries in zip(*columns, strict=True)]

    def decide_all(self, scores: np.ndarray) -> np.ndarray:
        """float64 (rows, outputs) to the positions of their classes (rows,).

        Of two classes the positive one from the threshold on; of more the most probable.
        """
        return (scores[:, 0] >= self._settings.threshold).astype(np.intp) if self._binary else scores.argmax(axis=1)

    def _decided(self, seen: Seen) -> list[int]:
        if not self._binary:
            decided: list[int] = self.decide_all(seen.scores).tolist()
            return decided
        threshold = self._settings.threshold
        return [1 if score >= threshold else 0 for score in seen.positive]

    def _probabilities(self, seen: Seen) -> list[Scores]:
        """Of all classes, in their order."""
        if self._binary:
            return [[1.0 - score, score] for score in seen.positive]
        listed: list[Scores] = seen.scores.tolist()
        return listed

    def _of(self, name: str) -> Callable[[Seen], list[float]]:
        """The probabilities of one class."""
        position = self._contract.task.classes.index(name)
        if not self._binary:
            return lambda seen: seen.scores[:, position].tolist()
        return (lambda seen: seen.positive) if position == 1 else (lambda seen: [1.0 - one for one in seen.positive])

    def _give(self, entry: str, what: item.Item) -> Give:  # one line for each word of the vocabulary
        match what:
            case item.ClassIndex():
                return lambda seen, said: self._decided(seen)
            case item.ClassName(unknown=unknown):
                classes = self._contract.task.classes
                return _unless_unknown(unknown, lambda seen, said: [classes[k] for k in self._decided(seen)])
            case item.Probability(of=name):
                of = self._of(name)
                return _rounded(what.round, lambda seen, said: of(seen))
            case item.Probabilities():
                return self._all_probabilities(what)
            case item.Top(unknown=unknown):
                top = _rounded(what.round, lambda seen, said: list(map(max, self._probabilities(seen))))
                return _unless_unknown(unknown, top)
            case item.Margin(of=name):
                of = self._of(name)
                return _rounded(what.round, lambda seen, said: [abs(p - 0.5) * 2.0 for p in of(seen)])
            case item.Decide():
                return self._decision(what)
            case item.Band():
                return self._band(self._settings.bands.get(entry, what.edges), self._of(what.of))
            case item.Value():
                return _rounded(what.round, lambda seen, said: seen.positive)
            case item.Interval():
                return self._interval(what)
            case item.Contributions():
                return self._contributions(what)
            case item.Constant(value=value):
                return lambda seen, said: [value] * len(seen)
            case item.Release():
                return lambda seen, said: [said.release] * len(seen)
            case item.Timestamp():
                return lambda seen, said: [said.timestamp] * len(seen)
            case item.RequestId():
                return lambda seen, said: [said.request_id] * len(seen)

    def _all_probabilities(self, what: item.Probabilities) -> Give:
        classes, digits = self._contract.task.classes, what.round

        def listed(seen: Seen, said: Said) -> Column:
            rows: Column = self._probabilities(seen)
            if digits is not None:
                rows = [[round(value, digits) for value in row] for row in rows]
            return rows if what.shape == "list" else [dict(zip(classes, row, strict=True)) for row in rows]

        return listed

    def _decision(self, what: item.Decide) -> Give:
        no, yes = {"int": (0, 1), "bool": (False, True), "names": what.names}[what.shape]
        # About the other class: what is not decided for the positive one; never both, not even on the threshold.
        answers = (no, yes) if what.of == self._contract.task.positive else (yes, no)
        return lambda seen, said: [answers[k] for k in self._decided(seen)]

    def _band(self, edges: Sequence[tuple[str, float]], of: Callable[[Seen], list[float]]) -> Give:
        names, uppers = [name for name, _ in edges], [upper for _, upper in edges[:-1]]
        return lambda seen, said: [names[bisect_right(uppers, p)] for p in of(seen)]

    def _interval(self, what: item.Interval) -> Give:
        found = self._intervals.get(what.level)
        if found is None:
            raise VerificationRefused(f"the plan has no interval of level {what.level:g}", hint="train and pack again")
        return lambda seen, said: [_ends(*found.around(value), what.round) for value in seen.positive]

    def _contributions(self, what: item.Contributions) -> Give:
        def given(seen: Seen, said: Said) -> Column:
            if seen.parts is None:
                raise VerificationRefused("there are no contributions", hint="train and pack again")
            outputs = None if seen.scores.shape[1] == 1 else self._decided(seen)
            parts = seen.parts.spread(outputs, self._link, what.space)
            return parts if what.top is what.round is None else [_largest(one, what.top, what.round) for one in parts]

        return given


def _unless_unknown(unknown: Any, give: Give) -> Give:
    if unknown is None:
        return give

    def given(seen: Seen, said: Said) -> Column:
        column = give(seen, said)
        if seen.known is None:
            return column
        return [one if known else unknown for one, known in zip(column, seen.known, strict=True)]

    return given


def _rounded(digits: int | None, give: Give) -> Give:
    return give if digits is None else lambda seen, said: [round(one, digits) for one in give(seen, said)]


def _ends(low: float, high: float, digits: int | None) -> dict[str, float]:
    return {"low": low, "high": high} if digits is None else {"low": round(low, digits), "high": round(high, digits)}


def _largest(parts: Mapping[str, float], most: int | None, digits: int | None) -> dict[str, float]:
    chosen = list(parts.items())
    if most is not None:
        chosen = sorted(chosen, key=lambda part: -abs(part[1]))[:most]
    return {name: part if digits is None else round(part, digits) for name, part in chosen}
