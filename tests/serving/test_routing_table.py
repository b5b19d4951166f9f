"""One request, one revision: by header, by a field of the record wherever it stands in the body, or by share."""

import json
from types import SimpleNamespace

import pytest

from tests.serving.routed import following, site
from towpath.core.routes import HeaderRule, Sticky
from towpath.core.traffic import spread
from towpath.serving.routing.table import sticky_reader

READ = sticky_reader("CustomerId", "customers")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"CustomerId": 15634602}, b"15634602"),
        ({"CustomerId": 15634602.0}, b"15634602"),
        ({"CustomerId": "15634602"}, b"15634602"),
        ({"CustomerId": 1.5}, b"1.5"),
        ({"CustomerId": True}, b"true"),
        ({"CustomerId": "Zoë"}, "Zoë".encode()),
        ({"Age": 40, "CustomerId": 7, "deep": {"CustomerId": 9}}, b"7"),
        ({"customers": [{"CustomerId": 7}, {"CustomerId": 8}]}, b"7"),
        ({"inputs": [{"name": "Age", "data": [1]}, {"name": "CustomerId", "shape": [2], "data": [7, 8]}]}, b"7"),
        ({"inputs": [{"name": "CustomerId", "data": [[7], [8]]}]}, b"7"),
        ({"CustomerId": None}, None),
        ({"CustomerId": [1]}, None),
        ({"customers": []}, None),
        ({"customers": 3}, None),
        ({}, None),
        ([], None),
        (7, None),
    ],
)
def test_the_sticky_value_is_found_in_every_kind_of_body(body, key):
    assert READ(json.dumps(body).encode()) == key


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"\xff":1}', b"[" * 100_000, b'{"x":' + b"[" * 100_000])
def test_a_body_that_cannot_be_read_has_no_sticky_value(body):
    assert READ(body) is None


def test_a_field_may_be_called_as_the_batch_is():
    assert sticky_reader("records", "records")(b'{"records": "ada"}') == b"ada"


@pytest.fixture
def table(bundles, tmp_path):
    def made(shares, also=(), **said):
        here = site(tmp_path, bundles["bankchurn"])
        here.write(shares, also, **said)
        return following(here.path).follower.table

    return made


def asked(body: object = None, **headers: str) -> SimpleNamespace:
    """As much of an exchange as a choice looks at."""
    kept = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return SimpleNamespace(body=json.dumps(body).encode(), headers=kept)


def chosen(table, exchange, turns=None) -> str:
    model = table.choose(exchange, turns or spread(0))
    return model.release if model else ""


def test_a_header_rule_chooses_before_the_field_of_the_record(table):
    made = table({7: 100}, also=(8,), headers=(HeaderRule("x-canary", "yes", 8),), sticky=Sticky(field="CustomerId"))

    assert chosen(made, asked({"CustomerId": 1}, x_canary="yes")) == "bankchurn@1.8.0"
    assert chosen(made, asked({"CustomerId": 1}, x_canary="no")) == "bankchurn@1.7.0"
    assert made.headers == {b"x-canary"}


def test_a_customer_gets_the_same_revision_alone_in_a_batch_and_as_a_tensor(table):
    made = table({7: 50, 8: 50}, sticky=Sticky(field="CustomerId"))
    turns = spread(5)
    for customer in range(40):
        bodies = (
            {"CustomerId": customer},
            {"customers": [{"CustomerId": customer}, {"CustomerId": customer + 1}]},
            {"inputs": [{"name": "CustomerId", "shape": [1], "datatype": "INT64", "data": [customer]}]},
        )
        assert len({chosen(made, asked(body), turns) for body in bodies}) == 1


def test_requests_without_a_customer_are_split_by_the_shares(table):
    made = table({7: 75, 8: 25}, sticky=Sticky(field="CustomerId"))
    turns = spread(123)
    got = [chosen(made, asked({}), turns) for _ in range(10_000)]

    assert got.count("bankchurn@1.8.0") == 2_500


def test_the_largest_share_speaks_for_the_service_and_the_newest_among_equals(table):
    assert table({7: 75, 8: 25}).main.release == "bankchurn@1.7.0"


def test_one_revision_for_all_is_not_chosen_anew_each_time(table):
    made = table({7: 100}, also=(8,))

    assert made.only is made.main and made.only.release == "bankchurn@1.7.0"
