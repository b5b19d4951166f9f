"""The endpoint that a URL means, and what is said where it means none."""

import socket

import pytest

from tests.cli.loadtest.server import answering, reply
from towpath.cli.loadtest.aim import read_url, take_aim, try_once
from towpath.core.errors import InfrastructureError, NotPermitted, UsageError


def described(*paths: str) -> dict[str, object]:
    body = {"content": {"application/json": {"schema": {"type": "object"}}}}
    return {"paths": {path: {"post": {"requestBody": body}} for path in paths}}


@pytest.mark.parametrize(
    ("url", "path"),
    [("", "/predict"), ("/", "/predict"), ("/predict", "/predict"), ("/iris", "/iris/predict"), ("/ask", "/ask")],
)
def test_a_url_means_its_own_path_or_the_prediction_below_it(url: str, path: str):
    with answering(lambda asked: reply(), described("/predict", "/iris/predict", "/ask")) as server:
        aim = take_aim(server.url + url)

    assert (aim.path, aim.schema()) == (path, {"type": "object"})


def test_a_server_that_does_not_describe_itself_is_asked_at_the_url():
    with answering(lambda asked: reply()) as server:
        assert (take_aim(f"{server.url}/score").path, take_aim(server.url).path) == ("/score", "/predict")
        assert take_aim(server.url).schema() is None


@pytest.mark.parametrize(
    "url", ["http://", "ftp://host", "http://host:port", "http://h:99999", "http://h/a b", "http://h/\r\nX: y"]
)
def test_what_is_no_url_is_told(url: str):
    with pytest.raises(UsageError, match=r"no URL|belongs in no URL"):
        read_url(url)


def test_the_port_is_the_schemes_where_none_is_said():
    assert (read_url("http://h")[0].port, read_url("https://h")[0].port) == (80, 443)
    assert read_url("http://[::1]:8080")[0].url == "http://[::1]:8080"


def test_nobody_listening_is_told_with_what_to_do():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(
            InfrastructureError, match=f"nobody listens on 127.0.0.1:{taken.getsockname()[1]}"
        ) as refused:
            take_aim(f"http://127.0.0.1:{taken.getsockname()[1]}")

    assert "towpath serve" in refused.value.hint


def test_a_host_that_is_not_there_is_told():
    with pytest.raises(InfrastructureError, match=r"there is no host 'nowhere\.invalid'"):
        take_aim("http://nowhere.invalid")


def test_https_where_http_is_spoken_is_told():
    with answering(lambda asked: reply()) as server, pytest.raises(InfrastructureError, match="TLS with"):
        take_aim(server.url.replace("http", "https"))


@pytest.mark.parametrize(
    ("status", "error", "hint"),
    [(401, NotPermitted, "TOWPATH_KEY"), (403, NotPermitted, "TOWPATH_KEY"), (404, UsageError, "URL/predict"),
     (405, UsageError, "URL/predict"), (422, UsageError, "--body"), (307, UsageError, "--body")],
)  # fmt: skip
def test_one_request_before_the_load_finds_what_the_user_can_mend(status: int, error: type[Exception], hint: str):
    with answering(lambda asked: reply(b'{"detail": "so"}', status)) as server, pytest.raises(error) as refused:
        try_once(take_aim(server.url), b"{}")

    assert f'answers {status}: {{"detail": "so"}}' in str(refused.value)
    assert hint in refused.value.hint


@pytest.mark.parametrize("status", [200, 429, 500, 503])
def test_what_the_server_itself_fails_at_is_left_to_the_test(status: int):
    with answering(lambda asked: reply(status=status)) as server:
        try_once(take_aim(server.url), b'{"n": 1}')

    assert server.bodies == [b'{"n": 1}']


def test_a_key_is_sent_as_a_header():
    heard = []
    with answering(lambda asked: heard.append(asked.headers) or reply()) as server:
        try_once(take_aim(server.url, "secret"), b"{}")

    assert heard[0]["authorization"] == "Bearer secret"
