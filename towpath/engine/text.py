"""The text engine: counted terms and a linear model in plain Python, exact to scikit-learn's last bits."""

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import add, mul
from typing import Literal, TypeAlias

from msgspec import Struct

from towpath.core import formats
from towpath.core.errors import VerificationRefused
from towpath.engine.contributions import logistic, slope
from towpath.engine.tokens import WORDS, Accents, Analyzer, Pattern, splitter

Counts: TypeAlias = list[dict[int, int]]
"""For each vocabulary how often its terms occur in a text, by their positions, ascending as scikit-learn adds up."""


class Vocabulary(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one fitted vectorizer knows; idf and each output's weights stand in the terms' order.

    A term is a word, an n-gram of words, or a run of letters. `accents` says how accents are taken off. Stop words and
    the pattern of a word mean nothing where terms are letters.
    """

    terms: tuple[str, ...]
    idf: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    analyzer: Analyzer = "word"
    lowercase: bool = True
    accents: Accents | None = None
    pattern: Pattern = WORDS
    ngrams: tuple[int, int] = (1, 1)
    stop_words: tuple[str, ...] = ()
    binary: bool = False
    sublinear: bool = False
    norm: Literal["l1", "l2"] | None = None


class TextContent(
    Struct, frozen=True, tag_field="format", tag=formats.TEXT, omit_defaults=True, forbid_unknown_fields=True
):
    """text.json: the outputs are bias + what each vocabulary's terms add.

    Where `mean` is true there is one output instead, the mean of their logistic values: that is how a calibrated
    classifier puts its members together.
    """

    vocabularies: tuple[Vocabulary, ...]
    bias: tuple[float, ...]
    mean: bool = False


class TextModel:
    """Raw scores of texts. Raises VerificationRefused if the content's lengths do not fit each other.

    >>> TextModel(content).raw(["a fine film"])
    [[1.62]]
    """

    def __init__(self, content: TextContent):
        _check(content)
        self._bias = content.bias
        self._mean = content.mean
        readers = [_Reader(vocabulary) for vocabulary in content.vocabularies]
        self._first, *self._others = readers
        self._count = [reader.count for reader in readers]
        # The raw scores of a text without any known term.
        self.base = tuple(_mean_probability(content.bias)) if content.mean else content.bias

    def raw(self, texts: Sequence[str]) -> list[list[float]]:
        """Raw scores, one list of outputs for each text."""
        return [self.score(self.count(text)) for text in texts]

    def contributions(self, text: str) -> list[dict[str, float]]:
        """For each output what each known term adds; together with `base` they are the raw score."""
        return self.parts(self.count(text))

    def count(self, text: str) -> Counts:
        """What all else is made of, so that a text is split only once. Of one without any count nothing can be said."""
        return [count(text) for count in self._count]

    def score(self, counts: Counts) -> list[float]:
        """The raw scores of one text."""
        sums = self._first.sums(counts[0])
        for reader, found in zip(self._others, counts[1:], strict=True) if self._others else ():
            sums = list(map(add, sums, reader.sums(found)))
        raw = list(map(add, sums, self._bias))
        return _mean_probability(raw) if self._mean else raw

    def parts(self, counts: Counts) -> list[dict[str, float]]:
        """The contributions of one text; a term of two vocabularies has their sum."""
        parts = self._first.parts(counts[0])
        for reader, found in zip(self._others, counts[1:], strict=True) if self._others else ():
            parts = [_together(*pair) for pair in zip(parts, reader.parts(found), strict=True)]
        return [self._mean_parts(parts)] if self._mean else parts

    def _mean_parts(self, parts: list[dict[str, float]]) -> dict[str, float]:
        """Each member's parts scaled to its probability, as `contributions.spread` does, and then their mean."""
        total: dict[str, float] = {}
        for start, member in zip(self._bias, parts, strict=True):
            scale = slope(start, math.fsum(member.values())) / len(parts)
            total = _together(total, {term: part * scale for term, part in member.items()})
        return total


class _Reader:
    """Counts, values and sums of one vocabulary."""

    def __init__(self, vocabulary: Vocabulary):
        # Positions begin at 1, so that a filter of what is true leaves the known terms.
        self._terms = ("", *vocabulary.terms)
        self._position = {term: position for position, term in enumerate(vocabulary.terms, start=1)}
        self._idf = array("d", (0.0, *vocabulary.idf))
        self._weights = [array("d", (0.0, *weights)) for weights in vocabulary.weights]
        self._frequency = _frequency(vocabulary)
        self._length = LENGTHS[vocabulary.norm]
        self._split = splitter(
            vocabulary.analyzer,
            lowercase=vocabulary.lowercase,
            accents=vocabulary.accents,
            pattern=vocabulary.pattern,
            ngrams=vocabulary.ngrams,
            stop_words=vocabulary.stop_words,
        )

    def count(self, text: str) -> dict[int, int]:
        """How often each known term occurs."""
        counts: dict[int, int] = {}
        for position in sorted(filter(None, map(self._position.get, self._split(text)))):
            counts[position] = counts.get(position, 0) + 1
        return counts

    def sums(self, counts: dict[int, int]) -> list[float]:
        """For each output the terms' values times their weights."""
        values = self._values(counts)
        return [sum(_weighted(values, weights, counts)) for weights in self._weights]

    def parts(self, counts: dict[int, int]) -> list[dict[str, float]]:
        """For each output what each term adds."""
        values = self._values(counts)
        terms = [self._terms[position] for position in counts]
        return [dict(zip(terms, _weighted(values, weights, counts), strict=True)) for weights in self._weights]

    def _values(self, counts: dict[int, int]) -> list[float]:
        """The known terms' normed values."""
        values = _at(self._idf, counts)
        if len(counts) < sum(counts.values()):
            pairs = zip(values, counts.values(), strict=True)
            values = [value if count == 1 else self._frequency(count) * value for value, count in pairs]
        length = self._length(values)
        return [value / length for value in values] if length else values


def read_text(content: bytes) -> TextContent:
    """Raises VerificationRefused, or FormatTooNew, for bytes that are no text.json of ours."""
    return formats.read_record(content, TextContent, formats.TEXT, "text.json")


def _check(content: TextContent) -> None:
    outputs = len(content.bias)
    wrong = [vocabulary for vocabulary in content.vocabularies if not _fits(vocabulary, outputs)]
    if not outputs or not content.vocabularies or wrong:
        told = [(len(one.terms), [len(one.idf), *map(len, one.weights)]) for one in wrong]
        shown = "".join(f", a vocabulary of {terms} terms with lists of {lengths}" for terms, lengths in told)
        raise VerificationRefused(f"text.json has {outputs} outputs{shown}", hint="pack the bundle again")


def _fits(vocabulary: Vocabulary, outputs: int) -> bool:
    lengths = {len(vocabulary.terms), len(vocabulary.idf), *map(len, vocabulary.weights)}
    shortest, longest = vocabulary.ngrams
    return len(vocabulary.weights) == outputs and len(lengths) == 1 and 1 <= shortest <= longest


def _mean_probability(raw: Sequence[float]) -> list[float]:
    return [math.fsum(map(logistic, raw)) / len(raw)]


def _at(values: "array[float]", positions: Iterable[int]) -> list[float]:
    return [values[position] for position in positions]


def _weighted(values: Sequence[float], weights: "array[float]", positions: Iterable[int]) -> Iterator[float]:
    return map(mul, values, _at(weights, positions))


def _together(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return one | {term: one.get(term, 0.0) + part for term, part in other.items()}


def _frequency(vocabulary: Vocabulary) -> Callable[[int], float]:
    """What a term counts that occurs so often; once is 1.0 in every way."""
    if vocabulary.binary:
        return lambda count: 1.0
    return (lambda count: math.log(count) + 1.0) if vocabulary.sublinear else float


# By what the values are divided; 0.0 for not at all.
LENGTHS: dict[str | None, Callable[[list[float]], float]] = {
    "l2": lambda values: math.sqrt(sum(map(mul, values, values))),
    "l1": lambda values: sum(map(abs, values)),
    None: lambda values: 0.0,
}
