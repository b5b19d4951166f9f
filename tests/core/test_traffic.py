"""Who gets a request: exact shares, callers that stay where they are, and rules before both."""

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.routed import routes
from towpath.core.routes import WHOLE, HeaderRule, Shadow, Sticky
from towpath.core.traffic import Chooser, Split, copies, position, spread

CALLERS = [str(number).encode() for number in range(2_000)]


@st.composite
def shares(draw: st.DrawFn) -> dict[int, float]:
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE), max_size=5)))
    parts = [upper - lower for lower, upper in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    return {number: part / 100 for number, part in enumerate(parts, 1)}


def everywhere(split: Split) -> Counter[int | None]:
    return Counter(split.at(place) for place in range(WHOLE))


@given(shares())
def test_intervals_are_exactly_the_shares(given):
    assert everywhere(Split(given)) == {number: round(percent * 100) for number, percent in given.items() if percent}


@given(st.integers(0, WHOLE), st.integers(0, WHOLE))
def test_raising_the_share_of_either_of_two_moves_nobody_off_it(first, second):
    less, more = sorted((first, second))
    for growing, other in ((8, 7), (7, 8)):
        before, after = (Split({growing: share / 100, other: (WHOLE - share) / 100}) for share in (less, more))

        assert all(after.at(place) == growing for place in range(WHOLE) if before.at(place) == growing)


@given(shares(), st.integers(0, WHOLE), st.integers(0, WHOLE))
def test_raising_the_share_of_the_newest_of_many_moves_nobody_to_an_older_one(given, first, second):
    less, more = sorted((first, second))
    before, after = (_with_newest(given, share) for share in (less, more))

    assert all(after.at(place) >= before.at(place) for place in range(WHOLE))


def _with_newest(others: dict[int, float], share: int) -> Split:
    """The newest takes its share from the eldest first."""
    left = share
    said = {}
    for number, percent in sorted(others.items()):
        taken = min(left, round(percent * 100))
        left -= taken
        said[number] = (round(percent * 100) - taken) / 100
    return Split(said | {99: share / 100})


@given(st.integers(0, WHOLE - 1), st.integers(1, WHOLE))
@settings(max_examples=20)
def test_in_any_10000_requests_each_share_is_exact_and_on_the_way_never_5_off(start, share):
    got = 0
    for number, place in enumerate(islice(spread(start), WHOLE), 1):
        got += place < share
        assert abs(got - number * share / WHOLE) < 5

    assert got == share


@pytest.mark.parametrize("percent", [1, 5, 10, 25, 50])
@pytest.mark.scenario("S041")
def test_sticky_callers_are_split_within_statistical_bounds(percent):
    chooser = Chooser(routes({7: 100 - percent, 8: percent}, sticky=Sticky(field="CustomerId")))
    got = sum(chooser.choose({}, str(caller).encode(), iter(())) == 8 for caller in range(20_000))
    spread_of_chance = (20_000 * percent / 100 * (1 - percent / 100)) ** 0.5

    assert abs(got - 200 * percent) < 4 * spread_of_chance


def test_a_caller_is_at_the_same_position_for_ever():
    assert [position("bankchurn", caller) for caller in (b"15634602", b"ada")] == [9177, 3016]


def test_a_caller_is_not_first_in_every_service():
    first = {name: {caller for caller in CALLERS if position(name, caller) < 500} for name in ("bankchurn", "iris")}

    assert len(first["bankchurn"] & first["iris"]) < 20


def test_a_header_rule_comes_before_the_sticky_value_and_that_before_the_shares():
    said = routes({7: 100, 8: 0}, headers=(HeaderRule("x-canary", "yes", 8),), sticky=Sticky(header="x-user"))
    chooser = Chooser(said)

    assert chooser.choose({b"x-canary": b"yes", b"x-user": b"ada"}, None, iter(())) == 8
    assert chooser.choose({b"x-canary": b"no", b"x-user": b"ada"}, None, iter(())) == 7
    assert chooser.choose({}, None, iter([0])) == 7


def test_a_sticky_header_keeps_its_caller_whatever_else_comes():
    chooser = Chooser(routes({7: 50, 8: 50}, sticky=Sticky(header="x-user")))
    turns = spread(0)

    for caller in CALLERS[:50]:
        assert len({chooser.choose({b"x-user": caller}, None, turns) for _ in range(5)}) == 1


def test_one_revision_for_all_needs_no_choice():
    assert Chooser(routes({7: 100, 8: 0})).only == 7
    assert Chooser(routes({7: 99, 8: 1})).only is None
    assert Chooser(routes({7: 100, 8: 0}, headers=(HeaderRule("a", "b", 8),))).only is None


def test_only_the_headers_that_decide_anything_are_looked_at():
    said = routes({7: 100}, headers=(HeaderRule("x-canary", "yes", 7),), sticky=Sticky(header="x-user"))

    assert Chooser(said).headers == {b"x-canary", b"x-user"} and Chooser(routes({7: 100})).headers == frozenset()


@given(shares(), st.data())
def test_what_is_left_out_gives_its_requests_to_the_others_and_nobody_else_moves(given, data):
    live = [number for number, percent in given.items() if percent]
    without = data.draw(st.sets(st.sampled_from(live)))
    split, whole = Split(given, without), Split(given)
    kept = set(live) - without

    for place in range(0, WHOLE, 7):
        before, now = whole.at(place), split.at(place)
        assert now == before if before in kept else now in (kept or {None})


def test_those_that_are_given_away_are_shared_in_proportion():
    got = everywhere(Split({6: 30, 7: 60, 8: 10}, without={8}))

    assert abs(got[6] - 3333) <= 1 and abs(got[7] - 6667) <= 1


def test_rounding_hundreds_of_shares_that_are_given_away_takes_nothing_from_the_largest():
    """Each of 667 shares of 0.03 % becomes 0.14925 %: rounded up, they would be more than all."""
    shares = dict.fromkeys(range(2, 669), 0.03) | {1: 0.09, 999: 79.9}
    got = everywhere(Split(shares, without={999}))

    assert abs(got[1] - 45) <= 1 and got.total() == WHOLE


def test_a_rule_to_what_is_left_out_is_no_rule():
    said = routes({7: 100, 8: 0}, headers=(HeaderRule("x-canary", "yes", 8),))

    assert Chooser(said, without={8}).choose({b"x-canary": b"yes"}, None, iter([0])) == 7


def test_a_shadow_gets_its_share():
    (one,) = copies(routes({7: 100, 8: 0}, shadows=(Shadow(8, 12.34),)))

    assert (one.revision, one.below) == (8, 1234)
    assert copies(routes({7: 100, 8: 0}, shadows=(Shadow(8, 0.0),))) == []
