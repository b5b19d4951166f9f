"""The door of python -m towpath.serving: which port, and what is told of a failure."""

import pytest

from towpath.core.errors import Exit, UsageError
from towpath.serving import __main__ as door
from towpath.serving.__main__ import port_asked_for


def test_the_port_comes_from_the_environment_when_no_flag_names_one():
    both = {"PORT": "9000", "TOWPATH_PORT": "9001"}

    assert port_asked_for(None, {}) == 8080 and port_asked_for(None, {"PORT": "9000"}) == 9000
    assert port_asked_for(None, both) == 9001 and port_asked_for("0", both) == 0
    assert port_asked_for("65535", {"PORT": "http"}) == 65535


@pytest.mark.parametrize("given", ["99999", "65536", "-1", "http", "8080.0", "\u00b2", "9" * 5000])
def test_what_is_no_port_is_refused_with_the_range_wherever_it_stands(given):
    for flag, environment, source in [(given, {}, "--port"), (None, {"TOWPATH_PORT": given}, "TOWPATH_PORT")]:
        with pytest.raises(UsageError, match=f"{source} should be a port from 0 to 65535") as refused:
            port_asked_for(flag, environment)
        assert refused.value.hint


def test_what_nobody_expected_is_one_sentence_and_a_traceback_only_when_asked_for(monkeypatch, capsys):
    def break_down(*given, **more):
        raise RuntimeError("a library's")

    monkeypatch.setattr(door, "run_worker", break_down)

    assert door.main(["bundle"], {}) == Exit.FAILED
    told = capsys.readouterr().err
    assert told.startswith("towpath: something unexpected happened: RuntimeError: a library's\nhint: ")
    assert told.count("\n") == 2
    assert door.main(["bundle", "--debug"], {}) == Exit.FAILED and "Traceback" in capsys.readouterr().err
