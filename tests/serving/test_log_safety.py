"""The log of a real worker, sent what would end a line, paint a terminal or forge an entry: it stays what it is."""

import json
import socket
from pathlib import Path

import pytest

from tests.serving.process import Running, serving
from tests.serving.raw import hear, post

pytestmark = pytest.mark.integration

SECRET = "k4711"  # stands in all that is sent
SENT = {
    "encoded line ends": f"%0a%0d{SECRET}",
    "an escape sequence": f"\x1b[31m{SECRET}\x1b[0m",
    "a carriage return": f"\r{SECRET}",
    "a line": f'\n{{"event": "stopped", "{SECRET}": 1}}\n',
    "a null": f"\x00{SECRET}",
    "a bell and a backspace": f"\x07\x08{SECRET}",
    "delete": f"\x7f{SECRET}",
    "text that runs backwards": f"\u202e{SECRET}\u2066",
    "line ends of Unicode": f"\u2028{SECRET}\u0085",
    "eight bits": f"\u009b31m{SECRET}",
    "what is no UTF-8": SECRET.encode() + b"\xff\xfe\xc0\x80",
    "a surrogate": f"\\ud800{SECRET}",
    "a format": "%s%n${jndi:ldap://" + SECRET + "}{0.__class__}",
}
ABSURD = dict.fromkeys(("sepal_length", "sepal_width", "petal_length", "petal_width"), 1.79e308)


@pytest.fixture(scope="module")
def lines(bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a worker logs that is sent all of it in every place, and that has a bundle at a path of that kind."""
    folder = tmp_path_factory.mktemp("log") / "ev\x1b[31m\nil\u202e\x7f"
    with serving(bundles["ml-api"], bundles["bankchurn"], folder, "--allow-unready") as worker:
        told = list(worker.before)
        for sent in SENT.values():
            bytes_sent = sent if isinstance(sent, bytes) else sent.encode()
            for request in requests(bytes_sent):
                say(worker, request)
        for path in ("/ml-api/predict", "/ml-api/explain"):
            say(worker, post(path, json.dumps(ABSURD).encode(), "X-Request-Id: find-me"))
        assert worker.get("/ml-api/health").status == 200, "nothing of it broke the worker"
        worker.process.terminate()
        told += worker.process.communicate(timeout=20)[1].splitlines(keepends=True)
    return [json.dumps(worker.event) + "\n", *told]


def requests(sent: bytes) -> list[bytes]:
    """Requests with these bytes as target, query, method, host, id, other header, key, body, field and value."""
    record = b'{"CustomerId": "%b", "%b": 1, "Geography": "%b"}' % (sent, sent, sent)
    return [
        b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % sent,
        b"GET /ml-api/health?%b HTTP/1.1\r\nHost: a\r\n\r\n" % sent,
        b"%b / HTTP/1.1\r\nHost: a\r\n\r\n" % sent,
        b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % sent,
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: %b\r\n\r\n" % sent,
        b"GET / HTTP/1.1\r\nHost: a\r\nX-%b: a\r\nUser-Agent: %b\r\n\r\n" % (sent, sent),
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n\r\n" % sent,
        post("/bankchurn/predict", sent),
        post("/bankchurn/predict", record),
        post("/bankchurn/predict_batch", b'{"customers": [%b]}' % record),
        post("/v2/models/bankchurn/infer", b'{"id": "%b", "inputs": []}' % sent),
    ]


def say(worker: Running, request: bytes) -> None:
    with socket.create_connection(("127.0.0.1", worker.port), timeout=10) as sock:
        sock.sendall(request)
        hear(sock, silence=0.02)


def test_every_line_of_the_log_is_one_json_object_in_printable_ascii(lines):
    assert all(line.endswith("\n") and all(" " <= one <= "~" for one in line[:-1]) for line in lines)
    assert all(isinstance(json.loads(line), dict) and json.loads(line)["event"] for line in lines)


@pytest.mark.feature("F075")
def test_the_log_has_nothing_of_what_clients_sent(lines):
    assert [line for line in lines if SECRET in line] == []


def test_the_log_has_what_happened_and_the_id_by_which_it_is_found(lines):
    events = [json.loads(line)["event"] for line in lines]

    assert events.count("stopped") == 1 and {"serving", "unready", "prediction_failed"} <= set(events)
    assert any('"request_id": "find-me"' in line for line in lines)


def test_a_path_that_paints_is_told_as_what_it_is(lines):
    (unready,) = [json.loads(line) for line in lines if '"unready"' in line]

    assert unready["bundle"].endswith("ev\x1b[31m\nil\u202e\x7f")
