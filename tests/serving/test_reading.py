"""Bodies to records: the fast decoder and the second look agree, and nothing else ever comes out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.contract import Contract, Field, Task
from towpath.core.style import Batch, Style
from towpath.serving.reading import MOST_FAULTS, BreaksContract, Reader


def contract(**changes) -> Contract:
    fields = (
        Field("Age", "integer", ge=18, le=100),
        Field("Geography", "string", choices=("France", "Spain")),
        Field("Balance", "number", ge=0, nullable=True),
        Field("Note", "string", default="", max_length=5),
    )
    style = changes.pop("style", Style(batch=Batch("customers", 3)))
    return Contract("bank", fields, Task("binary", "left", ("no", "yes")), (), style, **changes)


GOOD = {"Age": 40, "Geography": "France", "Balance": 1.5}


def faults(read, body) -> list[tuple[str, str]]:
    with pytest.raises(BreaksContract) as broken:
        read(body)
    return [(fault.where(), fault.kind) for fault in broken.value.faults]


def test_a_good_record_is_read():
    record = Reader(contract()).record(json.dumps(GOOD).encode())

    assert (record.Age, record.Geography, record.Balance, record.Note) == (40.0, "France", 1.5, "")


def test_all_faults_come_at_once_each_with_its_path():
    body = b'{"Age": 5, "Geography": "Italy", "Note": "too long"}'

    assert faults(Reader(contract()).record, body) == [
        ("Age", "ge"),
        ("Geography", "choice"),
        ("Balance", "missing"),
        ("Note", "length"),
    ]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b'{"\xff": 1}', b"[" * 100_000, b'{"Age": NaN}', b'{"x": 1e400}']
)
def test_what_is_no_json_is_told_as_such(body):
    assert faults(Reader(contract()).record, body) == [("", "json")]
    assert faults(Reader(contract()).batch, body) == [("", "json")]


def test_deep_nesting_in_an_unknown_field_is_refused_and_not_fatal():
    body = json.dumps(GOOD).encode()[:-1] + b', "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    assert faults(Reader(contract()).record, body) == [("", "json")]


def test_unknown_fields_are_ignored_and_counted_exactly():
    reader = Reader(contract())
    reader.record(json.dumps(GOOD).encode())
    reader.record(json.dumps(GOOD | {"a": 1, "b": 2}).encode())
    reader.batch(json.dumps({"customers": [GOOD, GOOD | {"c": 3}], "envelope": 1}).encode())

    assert reader.unknown_seen == 3


def test_a_strict_contract_refuses_them_by_name():
    assert faults(Reader(contract(strict=True)).record, json.dumps(GOOD | {"a": 1}).encode()) == [("a", "unknown")]


def test_a_numeric_string_is_a_number_where_the_style_allows_it_and_a_boolean_never_is():
    lenient = Reader(contract(style=Style("fastapi", numeric_strings=True)))

    assert lenient.record(json.dumps(GOOD | {"Age": "40"}).encode()).Age == 40.0
    assert faults(lenient.record, json.dumps(GOOD | {"Age": True}).encode()) == [("Age", "integer")]
    assert faults(Reader(contract()).record, json.dumps(GOOD | {"Age": "40"}).encode()) == [("Age", "integer")]


@pytest.mark.parametrize(
    ("envelope", "expected"),
    [
        ([], ("", "object")),
        ({}, ("customers", "missing")),
        ({"customers": {}}, ("customers", "list")),
        ({"customers": []}, ("customers", "too_few")),
        ({"customers": [GOOD] * 4}, ("customers", "too_many")),
        ({"customers": [GOOD, GOOD | {"Age": 5}]}, ("customers[1].Age", "ge")),
        ({"customers": [GOOD, 7]}, ("customers[1]", "object")),
    ],
)
def test_a_fault_of_a_batch_is_told_with_its_path(envelope, expected):
    assert faults(Reader(contract()).batch, json.dumps(envelope).encode()) == [expected]


def test_the_faults_of_a_batch_are_told_up_to_a_limit():
    reader = Reader(contract(style=Style(batch=Batch("customers", 1000))))

    assert len(faults(reader.batch, json.dumps({"customers": [{}] * 1000}).encode())) == MOST_FAULTS


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [18, 100, 18.0, 100.5, "40", "France", "Italy", "", "12345", "123456", [], {}, [1], "1e999", "nan"]
    ),
    st.text(max_size=8),
)


@pytest.mark.parametrize("style", [Style(), Style("fastapi", numeric_strings=True)])
@given(st.dictionaries(st.sampled_from(["Age", "Geography", "Balance", "Note", "other"]), VALUES))
def test_whatever_is_sent_gives_a_record_within_its_limits_or_faults(style, value):
    reader = Reader(contract(style=style))
    try:
        record = reader.record(json.dumps(value).encode())
    except BreaksContract as broken:
        assert broken.faults
        return

    assert 18 <= record.Age <= 100 and record.Age == int(record.Age) and record.Geography in ("France", "Spain")
    assert record.Balance is None or 0 <= record.Balance < float("inf")


@given(st.dictionaries(st.sampled_from(["Age", "Geography", "Balance", "Note"]), VALUES))
def test_the_second_look_finds_faults_exactly_where_the_decoder_refuses(value):
    reader = Reader(contract())
    by_decoder = by_look = True
    try:
        reader._open_record.decode(json.dumps(value).encode())
    except ValueError:
        by_decoder = False
    try:
        reader.plain(value)
    except BreaksContract:
        by_look = False

    assert by_decoder == by_look
