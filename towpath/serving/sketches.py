"""What a model is asked and what it says, summed up as it happens: the live side of a bundle's reference.json."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from towpath.core.contract import Contract
from towpath.core.plan import Column, Encode, Plan
from towpath.core.reference import Reference, Sketch
from towpath.engine.answers import Seen

Take = Callable[[Sequence[Struct], Seen], np.ndarray]

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

    def add_bins(self, bins: np.ndarray) -> None:
        """The positions of many records' values in the counts, of which missing and unseen are the last two."""
        self._counts += np.bincount(bins, minlength=len(self._counts))


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

    def __init__(self, contract: Contract, reference: Reference, plan: Plan | None = None):
        known = [(one, source) for one in reference.features if (source := _source(contract, plan, one))]
        known.sort(key=lambda pair: bool(pair[0].categories))  # numbers first, as they are counted together
        columns = [one for one, _ in known]
        numbers = [one for one in columns if not one.categories]
        self.buffer = bytearray(2 * PLAIN * sum(map(_width, [*columns, *reference.scores])))
        counts, excess = _halves(self.buffer)
        self.features = _views(columns, counts, excess)
        self._numbers, here = _numbers(numbers, counts, excess, 0)
        here += sum(map(_width, columns[len(numbers) :]))
        self.scores = _views(reference.scores, counts[here:], excess[here:])
        self._scores, _ = _numbers(reference.scores, counts, excess, here)
        sources = [source for _, source in known]
        self._take = _taking(sources[: len(numbers)])
        self.reads_records = any(isinstance(source, Recorded) for source in sources)
        self._categories = list(zip(self.features[len(numbers) :], sources[len(numbers) :], strict=True))

    def add(self, records: Sequence[Struct], seen: Seen) -> None:
        """Some records, and what was seen of them; the records may be left out where they are not read."""
        if self._numbers:
            self._numbers.add(self._take(records, seen))
        for live, source in self._categories:
            if isinstance(source, Encoded):
                live.add_bins(source.bins(seen))
            else:
                live.add_categories([source.of(record) for record in records])
        if self._scores:
            self._scores.add(seen.scores.T)


class Recorded(Struct, frozen=True):
    """Where in a record a sketched column is."""

    field: str
    position: int | None = None
    length: bool = False

    def of(self, record: Any) -> Any:
        value = getattr(record, self.field)
        if value is None:
            return None
        return len(value) if self.length else value if self.position is None else value[self.position]


class Encoded(Struct, frozen=True):
    """Where in the rows of a graph it is; of categories, where in its counts each of the row's codes is counted."""

    column: int
    places: np.ndarray | None = None

    def bins(self, seen: Seen) -> np.ndarray:
        codes, places = seen.rows[:, self.column], self.places  # type: ignore[index]  # a plan that encodes has rows
        bins: np.ndarray = places[np.nan_to_num(codes, nan=len(places) - 2).astype(np.intp) + 1]  # type: ignore[index, arg-type]  # a category's
        return bins


Source = Recorded | Encoded


def _source(contract: Contract, plan: Plan | None, one: Sketch) -> Source | None:
    """None for a column that is neither the record's nor the graph's: an older or a newer Towpath may sketch others."""
    return _encoded(plan, one) or _recorded(contract, one.name)


def _encoded(plan: Plan | None, one: Sketch) -> Encoded | None:
    step = plan.steps[0] if plan else None
    for i, column in enumerate(step.columns) if isinstance(step, Encode) else ():
        if column.name == one.name and not column.unused:
            if not one.categories:
                return None if column.categories else Encoded(i)
            return Encoded(i, _places(column, one)) if set(one.categories) <= set(column.categories) else None
    return None


def _places(column: Column, one: Sketch) -> np.ndarray:
    """Of the codes from UNSEEN on, and last of what is missing."""
    missing, unseen = len(one.categories), len(one.categories) + 1
    places = {category: place for place, category in enumerate(one.categories)}
    return np.array([unseen, *(places.get(category, unseen) for category in column.categories), missing])


def _recorded(contract: Contract, name: str) -> Recorded | None:
    for field in contract.record:
        if field.type == "vector":
            if name in field.names:
                return Recorded(field.name, position=field.names.index(name))
        elif field.type == "string" and not field.choices:
            if name == field.name + LENGTH:
                return Recorded(field.name, length=True)
        elif name == field.name:
            return Recorded(field.name)
    return None


def _taking(sources: Sequence[Source]) -> Take:
    """The numbers of many records, NaN where missing: those that a graph sees as it does, the others one by one."""
    encoded = [(i, source.column) for i, source in enumerate(sources) if isinstance(source, Encoded)]
    recorded = [(i, source) for i, source in enumerate(sources) if isinstance(source, Recorded)]
    places, columns = ([pair[k] for pair in encoded] for k in (0, 1))

    def take(records: Sequence[Struct], seen: Seen) -> np.ndarray:
        values = np.empty((len(sources), len(seen)))
        if encoded:
            values[places] = seen.rows.T[columns]  # type: ignore[union-attr]  # a plan that encodes has rows
        for i, source in recorded:
            values[i] = [source.of(record) for record in records]  # None becomes NaN
        return values

    return take


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
