"""Scores to answers: one small function for each word of the answer vocabulary, chosen once per bundle."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from towpath.core import answer as item
from towpath.core.contract import Contract
from towpath.core.errors import VerificationRefused
from towpath.core.plan import PredictionInterval
from towpath.core.settings import Settings
from towpath.engine.contributions import spread

Scores = Sequence[float]


class Said(Struct, frozen=True, gc=False):
    """What an answer says beside the model: who answered, when, and which request."""

    release: str
    timestamp: str
    request_id: str = ""


class Seen(Struct, frozen=True, gc=False):
    """What is known of one record: its scores, whether the model knows any of it, its contributions if asked for."""

    scores: Scores
    known: bool = True
    contributions: Any = None


Give = Callable[[Seen, Said], Any]


class Answerer:
    """Gives the answers of a contract under some settings.

    needs_contributions says whether an answer asks for them: then the model is asked for these, and adds them up.
    """

    def __init__(self, contract: Contract, settings: Settings, link: str, intervals: Sequence[PredictionInterval] = ()):
        self._contract = contract
        self._settings = settings
        self._link = link
        self._intervals = {interval.level: interval for interval in intervals}
        self._binary = contract.task.kind == "binary"
        self._gives = [(entry.name, self._give(entry.name, entry.item)) for entry in contract.answer]
        self.needs_contributions = any(isinstance(entry.item, item.Contributions) for entry in contract.answer)

    def answer(self, seen: Seen, said: Said) -> dict[str, Any]:
        """One reply, its entries in the declared order."""
        return {name: give(seen, said) for name, give in self._gives}

    def decide(self, scores: Scores) -> int:
        """The class's position: of two, the positive one from the threshold on; of more, the most probable."""
        if self._binary:
            return int(scores[0] >= self._settings.threshold)
        return max(range(len(scores)), key=scores.__getitem__)

    def decide_all(self, scores: np.ndarray) -> np.ndarray:
        """The same for many: float64 (rows, outputs) to the positions of their classes (rows,)."""
        return (scores[:, 0] >= self._settings.threshold).astype(np.intp) if self._binary else scores.argmax(axis=1)

    def probabilities(self, scores: Scores) -> Scores:
        """Of all classes, in their order."""
        return (1.0 - scores[0], scores[0]) if self._binary else scores

    def class_name(self, scores: Scores) -> str:
        return self._contract.task.classes[self.decide(scores)]

    def _of(self, name: str) -> Callable[[Scores], float]:
        """The probability of one class."""
        position = self._contract.task.classes.index(name)
        if not self._binary:
            return lambda scores: scores[position]
        return (lambda scores: scores[0]) if position == 1 else (lambda scores: 1.0 - scores[0])

    def _give(self, entry: str, what: item.Item) -> Give:  # one line for each word of the vocabulary
        match what:
            case item.ClassIndex():
                return lambda seen, said: self.decide(seen.scores)
            case item.ClassName(unknown=unknown):
                return self._unless_unknown(unknown, lambda seen, said: self.class_name(seen.scores))
            case item.Probability(of=name):
                of = self._of(name)
                return _rounded(what.round, lambda seen, said: of(seen.scores))
            case item.Probabilities():
                return self._all_probabilities(what)
            case item.Top(unknown=unknown):
                top = _rounded(what.round, lambda seen, said: max(self.probabilities(seen.scores)))
                return self._unless_unknown(unknown, top)
            case item.Margin(of=name):
                of = self._of(name)
                return _rounded(what.round, lambda seen, said: abs(of(seen.scores) - 0.5) * 2.0)
            case item.Decide():
                return self._decision(what)
            case item.Band():
                return self._band(self._settings.bands.get(entry, what.edges), self._of(what.of))
            case item.Value():
                return _rounded(what.round, lambda seen, said: seen.scores[0])
            case item.Interval():
                return self._interval(what)
            case item.Contributions():
                return self._contributions(what)
            case item.Constant(value=value):
                return lambda seen, said: value
            case item.Release():
                return lambda seen, said: said.release
            case item.Timestamp():
                return lambda seen, said: said.timestamp
            case item.RequestId():
                return lambda seen, said: said.request_id

    def _unless_unknown(self, unknown: Any, give: Give) -> Give:
        if unknown is None:
            return give
        return lambda seen, said: give(seen, said) if seen.known else unknown

    def _all_probabilities(self, what: item.Probabilities) -> Give:
        classes = self._contract.task.classes

        def listed(seen: Seen, said: Said) -> Any:
            values = [
                value if what.round is None else round(value, what.round) for value in self.probabilities(seen.scores)
            ]
            return values if what.shape == "list" else dict(zip(classes, values, strict=True))

        return listed

    def _decision(self, what: item.Decide) -> Give:
        no, yes = {"int": (0, 1), "bool": (False, True), "names": what.names}[what.shape]
        # About the other class: what is not decided for the positive one; never both, not even on the threshold.
        answers = (no, yes) if what.of == self._contract.task.positive else (yes, no)
        return lambda seen, said: answers[self.decide(seen.scores)]

    def _band(self, edges: Sequence[tuple[str, float]], of: Callable[[Scores], float]) -> Give:
        last = edges[-1][0]
        inner = edges[:-1]
        return lambda seen, said: next((name for name, upper in inner if of(seen.scores) < upper), last)

    def _interval(self, what: item.Interval) -> Give:
        found = self._intervals.get(what.level)
        if found is None:
            raise VerificationRefused(f"the plan has no interval of level {what.level:g}", hint="train and pack again")

        def given(seen: Seen, said: Said) -> Mapping[str, float]:
            low, high = found.around(seen.scores[0])
            return {"low": low, "high": high} if what.round is None else _both_rounded(low, high, what.round)

        return given

    def _contributions(self, what: item.Contributions) -> Give:
        def given(seen: Seen, said: Said) -> Mapping[str, float]:
            output = 0 if len(seen.scores) == 1 else self.decide(seen.scores)
            parts = spread(seen.contributions, output, self._link, what.space)
            return _largest(parts, what.top, what.round)

        return given


def _rounded(digits: int | None, give: Give) -> Give:
    return give if digits is None else lambda seen, said: round(give(seen, said), digits)


def _both_rounded(low: float, high: float, digits: int) -> dict[str, float]:
    return {"low": round(low, digits), "high": round(high, digits)}


def _largest(parts: Mapping[str, float], most: int | None, digits: int | None) -> dict[str, float]:
    chosen = list(parts.items())
    if most is not None:
        chosen = sorted(chosen, key=lambda part: -abs(part[1]))[:most]
    return {name: part if digits is None else round(part, digits) for name, part in chosen}
