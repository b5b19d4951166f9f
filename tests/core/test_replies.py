"""Refusals keep the shape of the style, and carry the request's id."""

import pytest

from towpath.core.faults import Fault
from towpath.core.replies import refuse_record, refuse_request
from towpath.core.style import Style

LOW = Fault(("customers", 1, "Age"), "ge", "should be at least 18, not 5", 18.0)
MISSING = Fault(("text",), "missing", "is required")
BLANK = Fault(("text",), "blank", "is blank")
MALFORMED = Fault((), "json", "is not JSON")
FLASK = Style(
    "flask",
    (
        ("text", "missing", "Request must include a 'text' field"),
        ("text", "invalid", "'text' must be a non-empty string"),
    ),
)


def test_our_own_style_lists_every_fault_with_its_path():
    assert refuse_record(Style(), [LOW, MISSING], "r1") == (
        422,
        {
            "error": {
                "code": "invalid",
                "message": "the record breaks the contract in 2 places",
                "faults": [
                    {"path": "customers[1].Age", "reason": "should be at least 18, not 5"},
                    {"path": "text", "reason": "is required"},
                ],
                "request_id": "r1",
            }
        },
    )


def test_malformed_json_is_400_in_our_own_style():
    status, body = refuse_record(Style(), [MALFORMED], "r1")

    assert (status, body["error"]["code"]) == (400, "malformed")


@pytest.mark.feature("F139")
def test_the_fastapi_style_says_it_as_fastapi_does():
    assert refuse_record(Style("fastapi"), [LOW], "r1") == (
        422,
        {
            "detail": [
                {
                    "type": "greater_than_equal",
                    "loc": ["body", "customers", 1, "Age"],
                    "msg": "Input should be greater than or equal to 18",
                }
            ],
            "request_id": "r1",
        },
    )


@pytest.mark.feature("F140")
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (MISSING, "Request must include a 'text' field"),
        (BLANK, "'text' must be a non-empty string"),
        (MALFORMED, "Request must include a 'text' field"),
        (Fault((), "object", "should be an object"), "Request must include a 'text' field"),
        (Fault(("other",), "ge", "should be at least 1, not 0"), "other should be at least 1, not 0"),
    ],
)
def test_the_flask_style_has_its_fixed_messages(fault: Fault, says: str):
    assert refuse_record(FLASK, [fault], "r1") == (400, {"error": says, "request_id": "r1"})


@pytest.mark.parametrize(
    ("style", "body"),
    [
        (Style(), {"error": {"code": "not_found", "message": "Not Found", "faults": [], "request_id": "r1"}}),
        (Style("fastapi"), {"detail": "Not Found", "request_id": "r1"}),
        (Style("flask"), {"error": "Not Found", "request_id": "r1"}),
    ],
)
def test_a_request_refused_as_a_whole_keeps_the_styles_shape(style: Style, body: dict[str, object]):
    assert refuse_request(style, 404, "not_found", "Not Found", "r1") == (404, body)
