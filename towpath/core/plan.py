"""plan.json: the closed list of steps that turn a record into scores. No step runs anybody's Python.

encode   record -> float64 row: numbers as they are, categories as the position in their list, missing as NaN;
         derived columns are computed first
graph    row -> raw scores, by onnxruntime        (or)        text   string -> raw scores, by the text engine
finish   raw scores -> scores: the link
"""

from typing import Literal

from msgspec import Struct

from towpath.core import formats
from towpath.core.derive import Derive, sources

MISSING = float("nan")
UNSEEN = -1.0

Link = Literal["identity", "logistic", "softmax", "exp", "expm1", "power10", "exp2", "square", "sqrt"]


class Column(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One slot of the float64 row.

    A column with categories holds the position of the value in them, UNSEEN for any other value; a missing value is NaN
    in either kind. Of a vector field each position is a column of its own. A derived column has no field: `derive` says
    how it is computed. An unused one, which the model does not look at, is NaN whatever the record says.
    """

    name: str
    field: str = ""
    position: int | None = None
    categories: tuple[str | int, ...] = ()
    derive: Derive | None = None
    unused: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the record's columns that its value comes from: its own, or those it is derived from."""
        return sources(self.derive) if self.derive else (self.name,)


class Encode(Struct, frozen=True, tag_field="step", tag="encode", forbid_unknown_fields=True):
    """Record to row, shape (columns,)."""

    columns: tuple[Column, ...]


class Graph(Struct, frozen=True, tag_field="step", tag="graph", omit_defaults=True, forbid_unknown_fields=True):
    """Rows "X" float64 (n, columns) to "raw" float64 (n, outputs).

    explain names the graph that gives "contributions" float64 (n, outputs, columns); base + their sum is raw.
    """

    file: str
    outputs: int
    explain: str | None = None
    base: tuple[float, ...] = ()


class Text(Struct, frozen=True, tag_field="step", tag="text", forbid_unknown_fields=True):
    """One string field to raw scores, by the vocabulary and coefficients in the file."""

    field: str
    file: str
    outputs: int


class PredictionInterval(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the true value lies from a predicted one: low and high are added to it, or multiplied with it.

    A share `level` of the true values lies within. `ratio` suits values whose errors grow with them, such as prices.
    """

    level: float
    space: Literal["value", "ratio"]
    low: float
    high: float

    def around(self, value: float) -> tuple[float, float]:
        """The interval of one predicted value, its lower end first."""
        if self.space == "value":
            return value + self.low, value + self.high
        return min(value * self.low, value * self.high), max(value * self.low, value * self.high)


class Finish(Struct, frozen=True, tag_field="step", tag="finish", omit_defaults=True, forbid_unknown_fields=True):
    """Raw scores to scores. Binary models have one output; their score is the positive class's probability.

    intervals: one for each level that an answer of a regression asks for.
    """

    link: Link
    intervals: tuple[PredictionInterval, ...] = ()


class Plan(Struct, frozen=True, tag_field="format", tag=formats.PLAN, forbid_unknown_fields=True):
    """The whole way from record to scores."""

    steps: tuple[Encode | Graph | Text | Finish, ...]
