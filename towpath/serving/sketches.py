"""What a model is asked and what it says, summed up as it happens: the live side of a bundle's reference.json."""

from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from msgspec import Struct

from towpath.core.contract import Contract, Field
from towpath.core.reference import Reference, Sketch

Take = Callable[[Any], Sequence[Any]]

LENGTH = ".length"  # a text is summed up by how long it is: `text.length`
BESIDE = 2  # counts of a column after those of its bins: missing and unseen
FAR, FARTHEST = 1e290, 1e300  # a number without limits may be 1e308, and two of these are none
PLAIN = 8  # bytes of an int64 and of a float64


class Live:
    """One column since the start: views of the counts and the excess that Sketches keeps for all columns."""

    def __init__(self, reference: Sketch, counts: np.ndarray, excess: np.ndarray):
        self.reference, self._counts = reference, counts
        self.counts, self.excess = counts[:-BESIDE], excess[:-BESIDE]

    @property
    def bins(self) -> list[str]:
        """What the bins are called: categories by themselves, bins of numbers by their position."""
        return [str(one) for one in self.reference.categories or range(len(self.reference.counts))]

    @property
    def missing(self) -> float:
        return float(self._counts[-2])

    @property
    def unseen(self) -> float:
        return float(self._counts[-1])

    def add_categories(self, values: Sequence[Any]) -> None:
        """Values of many records, None where missing."""
        tally = Counter(values)
        self._counts[-2] += tally.pop(None, 0)
        self.counts += [tally.pop(category, 0) for category in self.reference.categories]
        self._counts[-1] += tally.total()


class Numbers:
    """Columns of numbers, counted together: for so few values it is the calls of numpy that cost, not the numbers."""

    def __init__(self, columns: Sequence[Sketch], counts: np.ndarray, excess: np.ndarray):
        self._counts, self._excess = counts, excess
        self._edges = [np.array(one.edges) for one in columns]
        self._starts = np.cumsum([0, *map(_width, columns)])[:-1, None]
        self._missing = self._starts + np.array([[len(one.counts)] for one in columns])
        self._nearest = np.concatenate([_nearest(one) for one in columns])
        self._lone = np.concatenate([np.full(_width(one), not one.edges) for one in columns])  # of one bin

    def add(self, values: np.ndarray) -> None:
        """float64 (columns, rows), NaN where missing."""
        bins = np.stack([edges.searchsorted(row, side="right") for edges, row in zip(self._edges, values, strict=True)])
        bins += self._starts
        known = np.isfinite(values)
        if not known.all():
            bins, values = np.where(known, bins, self._missing), np.where(known, values, 0.0)
        flat = bins.ravel()
        self._counts += np.bincount(flat, minlength=len(self._counts))
        far = np.where(self._lone[flat], 0.0, np.abs(values.ravel() - self._nearest[flat]))
        self._excess += np.bincount(flat, weights=np.minimum(far, FAR), minlength=len(self._excess))
        np.minimum(self._excess, FARTHEST, out=self._excess)


class Sketches:
    """The live sketches of one bundle: one buffer of int64 counts, then as many float64 excesses; merging is adding."""

    def __init__(self, contract: Contract, reference: Reference):
        known = [(one, source) for one in reference.features if (source := _source(contract, one.name))]
        known.sort(key=lambda pair: bool(pair[0].categories))  # numbers first, as they are counted together
        columns = [one for one, _ in known]
        numbers = [one for one in columns if not one.categories]
        self._take = _taking(contract, [source for _, source in known])
        self.buffer = bytearray(2 * PLAIN * sum(map(_width, [*columns, *reference.scores])))
        counts, excess = _halves(self.buffer)
        self.features = _views(columns, counts, excess)
        self._numbers, here = _numbers(numbers, counts, excess, 0)
        here += sum(map(_width, columns[len(numbers) :]))
        self.scores = _views(reference.scores, counts[here:], excess[here:])
        self._scores, _ = _numbers(reference.scores, counts, excess, here)
        self._count = len(numbers)

    def add(self, records: Sequence[Struct], scores: np.ndarray) -> None:
        """Some records, and their scores: float64 (rows, outputs)."""
        columns = list(zip(*map(self._take, records), strict=True))
        if self._numbers:
            self._numbers.add(np.array(columns[: self._count], dtype=np.float64))  # None becomes NaN
        for live, values in zip(self.features[self._count :], columns[self._count :], strict=True):
            live.add_categories(values)
        if self._scores:
            self._scores.add(scores.T)


class Source(Struct, frozen=True):
    """Where in a record a sketched column is."""

    field: str
    position: int | None = None
    length: bool = False

    @property
    def plain(self) -> bool:
        return self.position is None and not self.length

    def of(self, record: Any) -> Any:
        value = getattr(record, self.field)
        if value is None:
            return None
        return len(value) if self.length else value if self.position is None else value[self.position]


def _source(contract: Contract, name: str) -> Source | None:
    """None for a column that is none of the record's: an older or a newer Towpath may sketch others."""
    for field in contract.record:
        if field.type == "vector":
            if name in field.names:
                return Source(field.name, position=field.names.index(name))
        elif field.type == "string" and not field.choices:
            if name == field.name + LENGTH:
                return Source(field.name, length=True)
        elif name == field.name:
            return Source(field.name)
    return None


def _taking(contract: Contract, sources: Sequence[Source]) -> Take:
    """One C call where all columns are plain fields, or together are one vector."""
    if len(sources) > 1 and all(source.plain for source in sources):
        return attrgetter(*(source.field for source in sources))
    vectors = {source.field for source in sources if source.position is not None}
    if len(vectors) == 1 and _whole(contract.field(*vectors), sources):
        return attrgetter(*vectors)
    readers = [source.of for source in sources]
    return lambda record: [read(record) for read in readers]


def _whole(vector: Field, sources: Sequence[Source]) -> bool:
    """Whether the columns are just that vector, which is never missing."""
    return not vector.nullable and [one.position for one in sources] == list(range(len(vector.names)))


def _width(one: Sketch) -> int:
    return len(one.counts) + BESIDE


def _halves(buffer: bytearray) -> tuple[np.ndarray, np.ndarray]:
    half = len(buffer) // 2
    return np.frombuffer(buffer, np.int64, half // PLAIN), np.frombuffer(buffer, np.float64, offset=half)


def _views(columns: Sequence[Sketch], counts: np.ndarray, excess: np.ndarray) -> list[Live]:
    ends = np.cumsum([0, *map(_width, columns)]).tolist()
    spans = [slice(*ends[i : i + 2]) for i in range(len(columns))]
    return [Live(one, counts[span], excess[span]) for one, span in zip(columns, spans, strict=True)]


def _numbers(
    columns: Sequence[Sketch], counts: np.ndarray, excess: np.ndarray, start: int
) -> tuple[Numbers | None, int]:
    """Their counters from a position on, and where they end."""
    end = start + sum(map(_width, columns))
    return (Numbers(columns, counts[start:end], excess[start:end]) if columns else None), end


def _nearest(one: Sketch) -> np.ndarray:
    """For each count of a column the edge from which its values' distance is taken; 0 where none is."""
    edges = [*one.edges[:1], *one.edges]
    return np.array([*edges, *[0.0] * (_width(one) - len(edges))])
