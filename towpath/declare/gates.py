"""Gates as a user writes them; towpath.training.gates answers them."""

from msgspec import Struct

from towpath.declare.metrics import MetricKind


class Limit(Struct, frozen=True, tag="limit"):
    """A metric's value must keep to a limit."""

    metric: MetricKind
    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        return (
            f"{self.metric} >= {self.at_least:g}" if self.at_least is not None else f"{self.metric} <= {self.at_most:g}"
        )


class Champion(Struct, frozen=True, tag="champion"):
    """A metric must not fall behind the champion's by more than a margin, on the same rows."""

    metric: MetricKind
    margin: float

    def __str__(self) -> str:
        return f"{self.metric} no worse than the champion's by {self.margin:g}"


class Slices(Struct, frozen=True, tag="slices"):
    """A metric must not differ between the groups of a field by more than a gap."""

    field: str
    metric: MetricKind
    max_gap: float

    def __str__(self) -> str:
        return f"{self.metric} by {self.field} within {self.max_gap:g}"


Gate = Limit | Champion | Slices


def at_least(metric: MetricKind, limit: float) -> Limit:
    return Limit(metric, at_least=limit)


def at_most(metric: MetricKind, limit: float) -> Limit:
    return Limit(metric, at_most=limit)


def no_worse_than_champion(metric: MetricKind, *, margin: float) -> Champion:
    return Champion(metric, margin)


def slices(field: str, metric: MetricKind, *, max_gap: float) -> Slices:
    return Slices(field, metric, max_gap)
