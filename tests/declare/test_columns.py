"""The columns that build() is given, and their encoders."""

from towpath.core.contract import Field
from towpath.declare.columns import Columns

COLUMNS = Columns(
    (
        Field("age", "integer"),
        Field("country", "string", choices=("France", "Spain")),
        Field("word", "string"),
        Field("active", "boolean"),
        Field("level", "integer", choices=(1, 2)),
        Field("sizes", "vector", names=("length", "width")),
    )
)


def test_names_are_in_the_records_order_and_kinds_are_apart() -> None:
    assert COLUMNS.names == ["age", "country", "word", "active", "level", "length", "width"]
    assert COLUMNS.numbers == ["age", "active", "length", "width"]
    assert COLUMNS.categories == ["country", "word", "level"]


def test_only_and_without_can_follow_each_other() -> None:
    assert COLUMNS.only("country", "age", "word").without("word").names == ["age", "country"]


def test_closed_choices_are_encoded_in_their_order_and_open_ones_as_training_saw_them() -> None:
    closed = COLUMNS.only("country", "level").encode().transformers[0][1]
    mixed = COLUMNS.only("country", "word").encode().transformers[0][1]

    assert (closed.categories, mixed.categories) == ([["France", "Spain"], [1, 2]], "auto")


def test_what_is_left_out_is_in_no_encoder() -> None:
    steps = COLUMNS.without("country", "word", "level").encode(numbers="scale").transformers

    assert [(name, columns) for name, _, columns in steps] == [("numbers", ["age", "active", "length", "width"])]
