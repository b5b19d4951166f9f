"""Live sketches hold the same numbers as a reference made of the same rows would."""

import msgspec
import numpy as np
import pytest
from msgspec import structs

from towpath.core.contract import Contract, Field, Task, record_type
from towpath.core.derive import Product
from towpath.core.plan import Column, Encode, Plan
from towpath.core.sketch import Reference, Sketch, sketch_categories, sketch_numbers
from towpath.core.style import Style
from towpath.engine.answers import Seen
from towpath.serving.sketches import Sketches

FIELDS = (
    Field("age", "integer", nullable=True),
    Field("country", "string", nullable=True, choices=("France", "Italy")),
    Field("level", "integer", choices=(1, 2)),
    Field("note", "string", nullable=True),
    Field("size", "vector", names=("width", "height")),
    Field("flag", "boolean"),
    Field("price", "number"),
)
CONTRACT = Contract("shop", FIELDS, Task("binary", "bought", ("no", "yes")), (), Style())
EDGES = {name: np.array(edges) for name, edges in {
    "age": [20.0, 30.0], "note.length": [3.0], "width": [0.5, 1.5], "height": [1.0], "flag": [0.5], "price": [],
}.items()}  # fmt: skip
RECORDS = [
    {"age": 19, "country": "France", "level": 1, "note": "ab", "size": [0.1, 5.0], "flag": True, "price": 3.0},
    {"age": 45, "country": None, "level": 2, "note": None, "size": [1.5, 1.0], "flag": False, "price": 4.0},
    {"age": None, "country": "Italy", "level": 2, "note": "abcdef", "size": [9.0, -1.0], "flag": True, "price": 5.0},
]
SEEN = Seen(np.array([[0.1], [0.5], [0.9]]))


def column(name: str) -> np.ndarray:
    values = {
        "note.length": [None if one["note"] is None else len(one["note"]) for one in RECORDS],
        "width": [one["size"][0] for one in RECORDS],
        "height": [one["size"][1] for one in RECORDS],
    }
    return np.array(values.get(name) or [one[name] for one in RECORDS], dtype=np.float64)


def expected() -> Reference:
    """What a bundle would hold of these rows."""
    numbers = [sketch_numbers(name, column(name), edges) for name, edges in EDGES.items()]
    categories = [
        sketch_categories(field.name, [one[field.name] for one in RECORDS], field.choices)
        for field in FIELDS
        if field.choices
    ]
    scores = (sketch_numbers("score[0]", SEEN.scores[:, 0], np.array([0.25, 0.5])),)
    return Reference(3, (*categories, *numbers), scores, {})


@pytest.fixture
def sketches() -> Sketches:
    return Sketches(CONTRACT, expected())


def records() -> list[msgspec.Struct]:
    return [msgspec.convert(one, record_type(CONTRACT)) for one in RECORDS]


def counted(sketches: Sketches) -> dict[str, tuple]:
    lives = [*sketches.features, *sketches.scores]
    return {
        live.reference.name: (live.counts.tolist(), pytest.approx(live.excess.tolist()), live.missing, live.unseen)
        for live in lives
    }


def as_sketched(one: Sketch, times: int = 1) -> tuple:
    excess = [times * far for far in one.excess] if one.edges or not one.categories else [0.0] * len(one.counts)
    return [times * count for count in one.counts], excess, times * one.missing, times * one.unseen


def test_live_rows_are_summed_up_as_the_reference_was(sketches):
    sketches.add(records(), SEEN)
    reference = expected()

    assert {one.name: as_sketched(one) for one in (*reference.features, *reference.scores)} == counted(sketches)


def test_adding_again_adds(sketches):
    sketches.add(records(), SEEN)
    sketches.add(records(), SEEN)

    assert {one.name: as_sketched(one, 2) for one in expected().features}.items() <= counted(sketches).items()


def test_two_workers_sketches_merge_by_adding_their_buffers(sketches):
    other = Sketches(CONTRACT, expected())
    sketches.add(records()[:1], SEEN[:1])
    other.add(records()[1:], SEEN[1:])
    half = len(sketches.buffer) // 2
    for kind, part in ((np.int64, slice(half)), (np.float64, slice(half, None))):
        mine, theirs = (np.frombuffer(memoryview(one.buffer)[part], kind) for one in (sketches, other))
        mine += theirs

    assert {one.name: as_sketched(one) for one in expected().features}.items() <= counted(sketches).items()


def test_a_category_that_the_reference_does_not_know_is_unseen():
    reference = Reference(1, (Sketch("country", (1,), categories=("France",)),), (), {})
    sketches = Sketches(CONTRACT, reference)
    sketches.add(records(), SEEN)

    live = sketches.features[0]
    assert (live.counts.tolist(), live.unseen, live.missing) == ([1], 1, 1)


def test_a_column_that_the_record_does_not_have_is_left_out():
    reference = Reference(1, (Sketch("age_squared", (1, 0), edges=(4.0,), excess=(0.0, 0.0)),), (), {})

    assert Sketches(CONTRACT, reference).features == []


def test_a_vector_alone_is_taken_at_once_and_summed_up_alike():
    whole = Contract("flower", (FIELDS[4],), Task("regression", "y"), (), Style())
    reference = Reference(3, tuple(sketch_numbers(one, column(one), EDGES[one]) for one in ("width", "height")), (), {})
    sketches = Sketches(whole, reference)
    sketches.add([msgspec.convert({"size": one["size"]}, record_type(whole)) for one in RECORDS], SEEN)

    assert {one.name: as_sketched(one) for one in reference.features} == counted(sketches)


PLAN = Plan(
    (
        Encode(
            (
                Column("age", "age"),
                Column("country", "country", categories=("Italy", "France")),
                Column("level", "level", categories=(2,)),
                Column("price", "price", unused=True),
                Column("area", derive=Product("width", "height")),
            )
        ),
    )
)


def test_what_a_graph_sees_is_summed_up_from_its_rows_and_the_rest_from_the_records():
    area = np.array([0.5, 1.5, -9.0])
    rows = np.array([[np.nan] * 5] * 3)
    rows[:, 0], rows[:, 4] = column("age"), area
    rows[:, 1] = [1.0, np.nan, 0.0]
    rows[:, 2] = [-1.0, 0.0, 0.0]
    given = expected()
    derived = sketch_numbers("area", area, np.array([0.0, 1.0]))
    sketches = Sketches(CONTRACT, structs.replace(given, features=(*given.features, derived)), PLAN)
    sketches.add(records(), Seen(SEEN.scores, rows=rows))

    wanted = {one.name: as_sketched(one) for one in (*given.features, derived, *given.scores)}
    assert wanted == counted(sketches)


def test_a_code_that_the_reference_has_no_bin_for_is_unseen():
    reference = Reference(1, (Sketch("country", (1,), categories=("France",)),), (), {})
    sketches = Sketches(CONTRACT, reference, PLAN)
    rows = np.array([[0.0, code, 0.0, 0.0, 0.0] for code in (1.0, 0.0, -1.0, np.nan)])
    sketches.add([], Seen(np.zeros((4, 1)), rows=rows))

    [live] = sketches.features
    assert (live.counts.tolist(), live.unseen, live.missing) == ([1], 2, 1)
