"""A backtest as a user declares it: learn from the earlier rows, answer for the later ones."""

from msgspec import Struct


class By(Struct, frozen=True):
    """The field that orders rows in time, the share of the latest rows, and how many rolling origins."""

    field: str
    last: float
    origins: int


def by(field: str, *, last: float = 0.2, origins: int = 0) -> By:
    """`backtest=by("model_year", last=0.2, origins=5)`: each origin is one more fit, on the rows before it."""
    return By(field, last, origins)
