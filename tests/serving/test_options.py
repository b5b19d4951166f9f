"""How a worker is asked for: a flag comes before the environment, that before towpath.toml, that before the default."""

import hashlib
from pathlib import Path

import pytest

from towpath.core.errors import Faulty, InfrastructureError, UsageError
from towpath.serving.limits import Limits, read_limits
from towpath.serving.options import OPTIONS, read_options

DIGEST = hashlib.sha256(b"key").hexdigest()


def test_nothing_said_is_the_default():
    asked = read_options({}, {}, {})

    assert asked.limits == Limits() and asked.log is None and asked.log_share == 1.0
    assert not asked.access.protects and not asked.access.origins and not asked.access.hosts


def test_a_flag_wins_over_the_environment_and_that_over_the_file():
    places = [{"log": "flag"}, {"TOWPATH_LOG": "environment"}, {"log": "file"}]
    asked = [read_options(*[*[{}] * i, *places[i:]]).log for i in range(3)]

    assert asked == [Path("flag"), Path("environment"), Path("file")]


def test_each_limit_is_decided_by_itself():
    flags, environment = {"limit": ["body_bytes=10"]}, {"TOWPATH_LIMITS": "body_bytes=20, header_count=30"}
    table = {"limit": {"body_bytes": 40, "header_count": 50, "head_seconds": 2}}

    assert read_options(flags, environment, table).limits == Limits(body_bytes=10, header_count=30, head_seconds=2.0)


def test_lists_are_given_by_several_flags_or_with_commas():
    flags = read_options({"cors": ("https://a.org", "http://b.org:81")}, {}, {}).access.origins
    environment = read_options({}, {"TOWPATH_CORS": "https://a.org, http://b.org:81"}, {}).access.origins

    assert flags == environment == {b"https://a.org", b"http://b.org:81"}


def test_every_wrong_limit_is_told():
    with pytest.raises(Faulty) as refused:
        read_limits({"body_bites": 1, "body_bytes": "1.5", "head_seconds": -1, "connections": True}, "--limit")

    assert [path for path, _ in refused.value.faults] == ["body_bites", "body_bytes", "head_seconds", "connections"]
    assert "known are target_bytes" in str(refused.value) and "a whole number" in str(refused.value)


@pytest.mark.parametrize("written", ["body_bytes", "body_bytes=", "=1", "a=b=c"])
def test_a_limit_is_a_name_and_a_value(written):
    with pytest.raises(UsageError, match="NAME=VALUE"):
        read_options({"limit": [written]}, {}, {})


def test_every_fault_of_the_file_is_told_with_its_path():
    table = {"cors": "https://a.org", "logs": "x", "limit": 3, "keys": 4, "metrics_port": True}
    with pytest.raises(Faulty) as refused:
        read_options({}, {}, table)

    assert [path for path, _ in refused.value.faults] == [f"serve.{name}" for name in table]


@pytest.mark.parametrize("share", ["0", "1.5", "-1", "half", "nan"])
def test_a_share_is_more_than_nothing_and_at_most_all(share):
    with pytest.raises(UsageError, match="log-share"):
        read_options({"log_share": share}, {}, {})


@pytest.mark.parametrize("given", ["0", "9100", 0, 9100])
def test_metrics_get_a_port_of_their_own_where_one_is_named(given):
    places = [({"metrics_port": str(given)}, {}, {}), ({}, {"TOWPATH_METRICS_PORT": str(given)}, {})]

    assert {read_options(*one).metrics_port for one in [*places, ({}, {}, {"metrics_port": given})]} == {int(given)}


@pytest.mark.parametrize("given", ["http", "65536", "-1", "1.5", "\u00b2"])
def test_what_is_no_port_for_metrics_is_refused_with_the_range(given):
    with pytest.raises(UsageError, match="--metrics-port should be a port from 0 to 65535"):
        read_options({"metrics_port": given}, {}, {})


def test_keys_come_from_a_file_or_as_digests_from_the_environment(tmp_path):
    (tmp_path / "keys").write_text(f"shop:{DIGEST}\n")
    from_file = read_options({"keys": str(tmp_path / "keys")}, {}, {}).access
    from_environment = read_options({}, {"TOWPATH_KEYS": DIGEST}, {}).access

    assert from_file == from_environment and from_file.protects
    with pytest.raises(InfrastructureError, match="cannot be read"):
        read_options({"keys": str(tmp_path / "none")}, {}, {})


@pytest.mark.parametrize("variable", ["TOWPATH_KEYS", "TOWPATH_KEYS_FILE"])
@pytest.mark.parametrize("blank", ["", " "])
def test_a_secret_that_was_not_handed_over_does_not_open_the_door(variable, blank):
    with pytest.raises(UsageError, match=variable):
        read_options({}, {variable: blank}, {})


def test_keys_that_cannot_be_read_are_told_once_and_in_words(tmp_path):
    with pytest.raises(InfrastructureError) as caught:
        read_options({"keys": str(tmp_path / "none")}, {}, {})

    assert str(caught.value) == f"the keys in {tmp_path / 'none'} cannot be read: No such file or directory"
    assert "this user may read" in caught.value.hint


def test_keys_of_the_environment_go_before_those_of_the_project(tmp_path):
    table = {"keys": str(tmp_path / "missing")}

    assert read_options({}, {"TOWPATH_KEYS": DIGEST}, table).access.protects


def test_a_certificate_needs_its_key():
    with pytest.raises(UsageError, match="a certificate and its key"):
        read_options({"tls_cert": "cert.pem"}, {}, {})


def test_no_two_options_share_a_flag_or_a_variable():
    assert len({option.flag for option in OPTIONS}) == len({option.variable for option in OPTIONS}) == len(OPTIONS)


def test_routes_files_are_found_from_where_the_worker_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = {"routes": ["a.json", "/srv/b.json"], "acknowledge": "run"}
    asked = read_options(flags, {}, {})

    assert asked.routes == (tmp_path / "a.json", Path("/srv/b.json")) and asked.acknowledge == tmp_path / "run"
    assert read_options({}, {"TOWPATH_ROUTES": "/a.json, /b.json"}, {}).routes == (Path("/a.json"), Path("/b.json"))
    assert read_options({}, {}, {"routes": ["/c.json"]}).routes == (Path("/c.json"),)
