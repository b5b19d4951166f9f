"""The text engine: TF-IDF over words and a linear classifier in plain Python, exact to scikit-learn's last bits."""

import math
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from operator import add, mul
from typing import Literal

from msgspec import Struct

from towpath.core import formats
from towpath.core.errors import VerificationRefused

WORDS = re.compile(r"(?u)\b\w\w+\b")  # scikit-learn's token_pattern


Counts = dict[int, int]
"""How often each known term occurs in a text, by the term's position, ascending as scikit-learn adds them up."""


class TextContent(Struct, frozen=True, tag_field="format", tag=formats.TEXT, forbid_unknown_fields=True):
    """text.json. A term is a word or an n-gram of words; idf and each output's weights stand in the terms' order."""

    lowercase: bool
    ngrams: tuple[int, int]
    stop_words: tuple[str, ...]
    binary: bool
    sublinear: bool
    norm: Literal["l1", "l2"] | None
    terms: tuple[str, ...]
    idf: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]


class TextModel:
    """Raw scores of texts. Raises VerificationRefused if the content's lengths do not fit each other.

    >>> TextModel(content).raw(["a fine film"])
    [[1.62]]
    """

    def __init__(self, content: TextContent):
        _check(content)
        self.base = content.bias  # the raw scores of a text without any known term
        self._terms = content.terms
        self._position = {term: position for position, term in enumerate(content.terms)}
        self._idf = array("d", content.idf)
        self._weights = [array("d", weights) for weights in content.weights]
        self._lowercase = content.lowercase
        self._stop_words = frozenset(content.stop_words)
        self._shortest, self._longest = content.ngrams
        self._frequency = _frequency(content)
        self._length = LENGTHS[content.norm]

    def raw(self, texts: Sequence[str]) -> list[list[float]]:
        """Raw scores, one list of outputs for each text."""
        return [self.score(self.count(text)) for text in texts]

    def contributions(self, text: str) -> list[dict[str, float]]:
        """For each output what each known term adds; together with `base` they are the raw score."""
        return self.parts(self.count(text))

    def count(self, text: str) -> Counts:
        """What all else is made of, so that a text is split only once. Of one without any count nothing can be said."""
        counts: Counts = {}
        for position in sorted(self._found(text)):
            counts[position] = counts.get(position, 0) + 1
        return counts

    def score(self, counts: Counts) -> list[float]:
        """The raw scores of one text."""
        values = self._values(counts)
        sums = [sum(map(mul, values, _at(weights, counts))) for weights in self._weights]
        return list(map(add, sums, self.base))

    def parts(self, counts: Counts) -> list[dict[str, float]]:
        """The contributions of one text."""
        values = self._values(counts)
        terms = [self._terms[position] for position in counts]
        return [dict(zip(terms, map(mul, values, _at(weights, counts)), strict=True)) for weights in self._weights]

    def _values(self, counts: Counts) -> list[float]:
        """The known terms' normed TF-IDF values."""
        values = _at(self._idf, counts)
        if len(counts) < sum(counts.values()):
            pairs = zip(values, counts.values(), strict=True)
            values = [value if count == 1 else self._frequency(count) * value for value, count in pairs]
        length = self._length(values) or 1.0
        return [value / length for value in values]

    def _found(self, text: str) -> list[int]:
        return [position for position in map(self._position.get, self._split(text)) if position is not None]

    def _split(self, text: str) -> list[str]:
        """Words, then pairs of neighbours, and so on, as far as the n-grams go."""
        words = WORDS.findall(text.lower() if self._lowercase else text)
        if self._stop_words:
            words = [word for word in words if word not in self._stop_words]
        terms = words if self._shortest == 1 else []
        for length in range(max(self._shortest, 2), self._longest + 1):
            terms = terms + list(map(" ".join, zip(*(words[start:] for start in range(length)), strict=False)))
        return terms


def read_text(content: bytes) -> TextContent:
    """Raises VerificationRefused, or FormatTooNew, for bytes that are no text.json of ours."""
    return formats.read_record(content, TextContent, formats.TEXT, "text.json")


def _check(content: TextContent) -> None:
    terms, outputs = len(content.terms), len(content.bias)
    lengths = [len(content.idf), *map(len, content.weights)]
    if not outputs or len(content.weights) != outputs or any(length != terms for length in lengths):
        raise VerificationRefused(
            f"text.json has {terms} terms and {outputs} outputs, but lists of {lengths}", hint="pack the bundle again"
        )


def _at(values: "array[float]", positions: Iterable[int]) -> list[float]:
    return [values[position] for position in positions]


def _frequency(content: TextContent) -> Callable[[int], float]:
    """What a term counts that occurs so often; once is 1.0 in every way."""
    if content.binary:
        return lambda count: 1.0
    return (lambda count: math.log(count) + 1.0) if content.sublinear else float


# By what the values are divided; 0.0 for not at all.
LENGTHS: dict[str | None, Callable[[list[float]], float]] = {
    "l2": lambda values: math.sqrt(sum(map(mul, values, values))),
    "l1": lambda values: sum(map(abs, values)),
    None: lambda values: 0.0,
}
