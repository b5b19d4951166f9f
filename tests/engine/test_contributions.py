"""Contributions in the space of the answer add up to how far the answer is from the base answer, whatever the link."""

import math

import numpy as np
import pytest

from towpath.core.plan import Link
from towpath.engine import links
from towpath.engine.contributions import Contribution, spread

ELEMENTWISE: list[Link] = ["logistic", "exp", "expm1", "power10", "exp2", "square", "sqrt"]


def contribution(outputs: int, base: float = 0.3, size: float = 0.4) -> Contribution:
    random = np.random.default_rng(outputs)
    parts = [{name: float(random.normal(0.1, size)) for name in "abc"} for _ in range(outputs)]
    return Contribution(tuple(base + 0.1 * output for output in range(outputs)), tuple(parts))


def scores(given: Contribution, link: Link) -> tuple[np.ndarray, np.ndarray]:
    """The base answer and the answer."""
    raw = [base + math.fsum(parts.values()) for base, parts in zip(given.base, given.parts, strict=True)]
    return links.LINKS[link](np.array([given.base]))[0], links.LINKS[link](np.array([raw]))[0]


@pytest.mark.parametrize("link", ELEMENTWISE)
def test_parts_add_up_beyond_a_link_that_bends(link: Link) -> None:
    given = contribution(1, base=1.5, size=0.1)
    base, answer = scores(given, link)

    added = spread(given, 0, link, "value")

    assert math.fsum(added.values()) == pytest.approx(answer[0] - base[0], rel=1e-12)


@pytest.mark.parametrize("size", [1e-9, 0.4, 30.0])
@pytest.mark.parametrize("output", [0, 1, 2])
def test_parts_of_a_class_among_several_add_up_to_its_probability(output: int, size: float) -> None:
    given = contribution(3, size=size)
    base, answer = scores(given, "softmax")

    added = spread(given, output, "softmax", "probability")

    assert math.fsum(added.values()) == pytest.approx(answer[output] - base[output], abs=1e-12)


def test_over_all_classes_a_columns_parts_cancel() -> None:
    given = contribution(4)

    added = [spread(given, output, "softmax", "probability") for output in range(4)]

    assert [math.fsum(one[name] for one in added) for name in "abc"] == pytest.approx([0.0] * 3, abs=1e-15)


def test_two_classes_are_told_alike_by_softmax_and_by_the_logistic_link() -> None:
    alone = contribution(1)
    zeros = dict.fromkeys("abc", 0.0)
    both = Contribution((0.0, alone.base[0]), (zeros, alone.parts[0]))

    assert spread(both, 1, "softmax", "probability") == pytest.approx(spread(alone, 0, "logistic", "probability"))


@pytest.mark.parametrize("link", ELEMENTWISE)
def test_at_the_base_the_slope_of_the_link_tells_the_parts(link: Link) -> None:
    given = Contribution((1.5,), ({"a": 0.5, "b": -0.5},))

    added = spread(given, 0, link, "value")

    steep = links.SLOPES[link](np.array([1.5]))[0]
    assert [added["a"], added["b"]] == pytest.approx([0.5 * steep, -0.5 * steep])


def test_in_score_space_the_parts_are_as_they_are() -> None:
    given = contribution(2)

    assert spread(given, 1, "softmax", "score") is given.parts[1]
    assert spread(given, 0, "identity", "value") is given.parts[0]


@pytest.mark.parametrize(("link", "raw"), [("exp", 800.0), ("power10", 400.0), ("exp2", 2000.0), ("expm1", 800.0)])
def test_a_score_beyond_all_numbers_is_infinite_and_no_error(link: Link, raw: float) -> None:
    given = Contribution((0.0,), ({"a": raw},))

    assert links.LINKS[link](np.array([[raw]])).tolist() == [[math.inf]]
    assert spread(given, 0, link, "value") == {"a": math.inf}
