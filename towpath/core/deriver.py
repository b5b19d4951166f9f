"""Derived columns computed: several of one record at once, and what they share only once."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from towpath.core.derive import (
    Add,
    IsMissing,
    Operand,
    Pair,
    Position,
    Product,
    Ratio,
    Subtract,
    Value,
    constants,
    leaves,
    operands,
)

Slots: TypeAlias = list[Any]


class Deriver:
    """Computes several operands of one record at once; what they share is computed once.

    >>> Deriver([Ratio("Balance", "Salary"), "Age"])([100.0, 50.0, 40.0])
    [2.0, 40.0]
    """

    def __init__(self, wanted: Sequence[Operand]):
        self.inputs: list[str | Position] = list(dict.fromkeys(leaf for one in wanted for leaf in leaves(one)))
        """What a call takes the values of, in this order."""
        self._places: dict[Any, int] = {_key(leaf): place for place, leaf in enumerate(self.inputs)}
        self._constants: list[float] = []
        self._steps: list[Callable[[Slots], Value]] = []
        for constant in dict.fromkeys(float(number) for one in wanted for number in constants(one)):
            self._places[_key(constant)] = len(self._places)
            self._constants.append(constant)
        self._wanted = [self._place(one) for one in wanted]

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """The operands' values, for the inputs' values."""
        slots = [*values, *self._constants]
        for step in self._steps:
            slots.append(step(slots))
        return [slots[place] for place in self._wanted]

    def _place(self, one: Operand) -> int:
        """The slot that holds an operand's value; a step is added where there is none yet."""
        if (key := _key(one)) not in self._places:
            step = _step(one, [self._place(operand) for operand in operands(one)])
            self._places[key] = len(self._places)
            self._steps.append(step)
        return self._places[key]


def _key(one: Operand) -> Any:
    """What tells operands apart: the text "1", the number 1 and equal numbers written otherwise."""
    return (type(one).__name__, repr(one)) if not isinstance(one, int | float) else ("number", float(one))


def _step(one: Operand, places: Sequence[int]) -> Callable[[Slots], Value]:
    if isinstance(one, Pair):
        return _ARITHMETIC[type(one)](*places)
    place = places[0]
    if isinstance(one, IsMissing):
        return lambda slots: 1.0 if slots[place] is None else 0.0
    function = one.function()  # type: ignore[union-attr]  # leaves and constants have slots from the start

    def step(slots: Slots) -> Value:
        value = slots[place]
        return None if value is None else function(value)

    return step


# One function for each, rather than one that takes the operator: this runs for every record that is served.
# float() makes arithmetic the same for the whole numbers of a record and the floats of a training frame.


def _add(a: int, b: int) -> Callable[[Slots], Value]:
    def add(slots: Slots) -> Value:
        left, right = slots[a], slots[b]
        return None if left is None or right is None else _finite(float(left) + right)

    return add


def _subtract(a: int, b: int) -> Callable[[Slots], Value]:
    def subtract(slots: Slots) -> Value:
        left, right = slots[a], slots[b]
        return None if left is None or right is None else _finite(float(left) - right)

    return subtract


def _product(a: int, b: int) -> Callable[[Slots], Value]:
    def product(slots: Slots) -> Value:
        left, right = slots[a], slots[b]
        return None if left is None or right is None else _finite(float(left) * right)

    return product


def _ratio(a: int, b: int) -> Callable[[Slots], Value]:
    def ratio(slots: Slots) -> Value:
        left, right = slots[a], slots[b]
        return None if left is None or not right else _finite(float(left) / right)

    return ratio


def _finite(number: float) -> float | None:
    return number if -math.inf < number < math.inf else None


_ARITHMETIC: dict[type, Callable[[int, int], Callable[[Slots], Value]]] = {
    Add: _add,
    Subtract: _subtract,
    Product: _product,
    Ratio: _ratio,
}
