"""The log: lines that no client can forge."""

import json

from towpath.serving import journal


def test_what_clients_send_cannot_end_a_line_or_paint_a_terminal(capsys):
    journal.tell("handler_failed", path=b"/a\n{}\x1b[31m%0a", note="é\x7f\u2028\x1b")
    written = capsys.readouterr().err

    assert written.count("\n") == 1 and all(" " <= character <= "~" for character in written[:-1])
    assert json.loads(written)["path"] == "/a\\n{}\\x1b[31m%0a"


def test_an_error_is_told_by_kind_and_place_without_its_message():
    try:
        raise ValueError("the customer's text")
    except ValueError as error:
        told = journal.traced(error)

    assert told["error"] == "ValueError" and __file__ in told["at"][0] and "customer" not in str(told)
