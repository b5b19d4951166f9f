"""Gates as a user writes them; towpath.training.gates answers them."""

from msgspec import Struct


class Limit(Struct, frozen=True, tag="limit"):
    """A metric's value must keep to a limit."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        return (
            f"{self.metric} >= {self.at_least:g}" if self.at_least is not None else f"{self.metric} <= {self.at_most:g}"
        )


class Champion(Struct, frozen=True, tag="champion"):
    """A metric must not fall behind the champion's by more than a margin, on the same rows."""

    metric: str
    margin: float

    def __str__(self) -> str:
        return f"{self.metric} no worse than the champion's by {self.margin:g}"


class Slices(Struct, frozen=True, tag="slices"):
    """A metric must not differ between the groups of a field by more than a gap."""

    field: str
    metric: str
    max_gap: float

    def __str__(self) -> str:
        return f"{self.metric} by {self.field} within {self.max_gap:g}"


class Fair(Struct, frozen=True, tag="fair"):
    """The groups of a field must be decided about alike: in how often, and in how many of the true ones are found.

    It fails where the whole 95 % interval of a number is outside its limit; a number outside whose interval spans the
    limit is inconclusive.
    """

    field: str
    max_gap: float | None = None
    min_impact: float | None = None

    def __str__(self) -> str:
        gap = f"recall within {self.max_gap:g}" if self.max_gap is not None else ""
        impact = f"impact >= {self.min_impact:g}" if self.min_impact is not None else ""
        return f"fair by {self.field}: {' and '.join(part for part in (gap, impact) if part)}"


Gate = Limit | Champion | Slices | Fair


def at_least(metric: str, limit: float) -> Limit:
    return Limit(metric, at_least=limit)


def at_most(metric: str, limit: float) -> Limit:
    return Limit(metric, at_most=limit)


def no_worse_than_champion(metric: str, *, margin: float) -> Champion:
    return Champion(metric, margin)


def slices(field: str, metric: str, *, max_gap: float) -> Slices:
    return Slices(field, metric, max_gap)


def fair(field: str, *, max_gap: float | None = None, min_impact: float | None = 0.8) -> Fair:
    """max_gap bounds the difference in recall between groups (equal opportunity), min_impact the ratio of how often
    they are decided to be positive; 0.8 is the four-fifths rule of the EEOC's guidelines."""
    return Fair(field, max_gap, min_impact)
