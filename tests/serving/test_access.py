"""Keys, hosts and origins: who is refused, and what a browser is told."""

import hashlib
from pathlib import Path

import pytest

from tests.serving.raw import listening, post, say, status
from towpath.core.errors import UsageError
from towpath.serving.access import OTHER_HOST, Access, read_hosts, read_keys, read_origins

KEY = "3f6c1d0e9b8a7f6e5d4c3b2a190817263544536271809fae"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
PREFLIGHT = b"OPTIONS /echo HTTP/1.1\r\nHost: a\r\nOrigin: %b\r\nAccess-Control-Request-Method: POST\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def keyed():
    other = hashlib.sha256(b"another").hexdigest()
    with listening(access=Access(keys=read_keys(f"# ours\nother:sha256:{other}\n\nshop:{DIGEST}\n", "keys"))) as edge:
        yield edge


@pytest.fixture(scope="module")
def shared():
    with listening(access=Access(origins=read_origins(["https://app.example.org"]))) as edge:
        yield edge


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_lets_a_record_in(keyed, scheme):
    assert say(keyed, post("/echo", b"hi", f"Authorization: {scheme} {KEY}")).endswith(b"\r\n\r\nhi")


@pytest.mark.parametrize(
    "header", ["X: y", "Authorization: Bearer", "Authorization: Bearer " + KEY[:-1], "Authorization: Basic " + KEY,
               "Authorization: Bearer " + DIGEST, f"Authorization: Bearer {KEY}\r\nAuthorization: Bearer {KEY}",
               f"Authorization: {KEY}", "Authorization: Bearer " + "x" * 5000]
)  # fmt: skip
def test_without_the_key_a_record_is_refused_before_it_is_read(keyed, header):
    heard = say(keyed, post("/echo", b"hi", header))

    assert status(heard) == 401 and b'\r\nWWW-Authenticate: Bearer realm="towpath"\r\n' in heard
    assert heard.count(b"HTTP/1.1") == 1 and b"Connection: close" in heard and KEY.encode() not in heard


def test_what_is_only_read_needs_no_key(keyed):
    assert status(say(keyed, GET)) == 200


def test_a_path_that_is_none_is_no_secret_of_who_has_no_key(keyed):
    assert status(say(keyed, post("/nope", b"hi"))) == status(say(keyed, post("/echo", b"hi"))) == 401


def test_a_worker_may_answer_for_some_hosts_alone():
    with listening(access=Access(hosts=read_hosts(["Predict.example.org", "[::1]"]))) as edge:
        for host, expected in {"predict.EXAMPLE.org:443": 200, "[::1]:80": 200, "evil.org": 421, "org": 421}.items():
            assert status(say(edge, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())) == expected


@pytest.mark.parametrize("host", ["10.0.3.7:8080", "127.0.0.1", "[::1]:80", "localhost:8080"])
@pytest.mark.parametrize("path", ["/health", "/live", "/ready", "/iris/health", "/v2/health/ready", "/health?a=b"])
def test_a_probe_by_address_is_answered_whatever_the_hosts(host, path):
    access = Access(hosts=read_hosts(["predict.example.org"]))

    assert access.refused(b"GET", {b"host": host.encode()}, path.encode()) is None
    assert access.refused(b"HEAD", {b"host": host.encode()}, path.encode()) is None


@pytest.mark.parametrize(
    ("method", "host", "path"),
    [
        (b"GET", b"evil.org", b"/health"),
        (b"GET", b"localhost.evil.org", b"/health"),
        (b"GET", b"10.0.3.7.evil.org", b"/health"),
        (b"GET", b"10.0.3.7", b"/metrics"),
        (b"GET", b"10.0.3.7", b"/health/"),
        (b"GET", b"10.0.3.7", b"/docs?/health"),
        (b"POST", b"10.0.3.7", b"/health"),
        (b"POST", b"10.0.3.7", b"/predict"),
    ],
)
def test_a_probe_by_address_opens_nothing_else(method, host, path):
    access = Access(hosts=read_hosts(["predict.example.org"]))

    assert access.refused(method, {b"host": host}, path) is OTHER_HOST


def test_a_listening_edge_answers_probes_by_address():
    with listening(access=Access(hosts=read_hosts(["predict.example.org"]))) as edge:
        for path, expected in {"/health": 404, "/": 421}.items():  # this edge has no health, but it was asked for it
            assert status(say(edge, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())) == expected


@pytest.mark.parametrize(
    ("access", "host", "words"),
    [
        (Access(), "127.0.0.1", ()),
        (Access(), "::1", ()),
        (Access(), "0.0.0.0", ("everybody who can reach 0.0.0.0 may ask", "no keys")),  # noqa: S104  # the test's point
        (Access(certificate=Path("cert.pem")), "10.0.3.7", ("no keys", "the certificate", "keeps nobody out")),
        (Access(keys=(b"digest",)), "10.0.3.7", ()),
    ],
)
def test_an_address_that_everybody_may_ask_at_is_told_with_the_reason(access, host, words):
    told = access.open_to(host)

    assert all(word in told for word in words) and bool(told) == bool(words)


@pytest.mark.feature("F152")
def test_a_browser_is_told_what_a_listed_origin_may_do(shared):
    heard = say(shared, PREFLIGHT % b"https://app.example.org")

    assert status(heard) == 200 and b"\r\nAccess-Control-Allow-Origin: https://app.example.org\r\n" in heard
    assert b"\r\nAccess-Control-Allow-Methods: POST\r\n" in heard and b"\r\nVary: Origin\r\n" in heard
    assert b"Content-Type" in heard and b"Credentials" not in heard


def test_a_reply_is_shared_with_a_listed_origin_alone(shared):
    ours = say(shared, post("/echo", b"hi", "Origin: https://app.example.org"))
    theirs = say(shared, post("/echo", b"hi", "Origin: https://evil.example"))
    nobodys = say(shared, post("/echo", b"hi"))

    assert b"\r\nAccess-Control-Allow-Origin: https://app.example.org\r\n" in ours and ours.endswith(b"hi")
    for heard in (theirs, nobodys, say(shared, PREFLIGHT % b"https://evil.example")):
        assert b"Access-Control-Allow-Origin" not in heard and b"\r\nVary: Origin\r\n" in heard


def test_a_page_can_read_why_its_record_is_refused_before_it_is_read(shared):
    heard = say(shared, post("/echo", b"", "Origin: https://app.example.org", "Content-Encoding: gzip"))

    assert status(heard) == 415 and b"Access-Control-Allow-Origin: https://app.example.org\r\n" in heard


def test_any_origin_is_answered_with_a_star_and_never_with_what_it_sent():
    with listening(access=Access(origins=read_origins(["*"]))) as edge:
        heard = say(edge, post("/echo", b"hi", "Origin: https://evil.example"))

    assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in heard and b"evil" not in heard and b"Credentials" not in heard


def test_no_origin_is_shared_with_unless_one_is_listed():
    with listening() as edge:
        assert status(say(edge, PREFLIGHT % b"https://app.example.org")) == 405
        assert b"Access-Control" not in say(edge, post("/echo", b"hi", "Origin: https://app.example.org"))


@pytest.mark.parametrize("written", [KEY, f"sha256:{KEY}", DIGEST.upper(), "a b:" + DIGEST])
def test_what_is_no_digest_is_refused_and_not_shown_since_it_may_be_a_key(written):
    with pytest.raises(UsageError, match="line 2 is not the sha256 of a key") as refused:
        read_keys(f"{DIGEST}\n{written}", "keys.txt")

    assert KEY not in str(refused.value) + refused.value.hint


def test_a_list_without_keys_is_refused():
    with pytest.raises(UsageError, match="lists no key"):
        read_keys("# none yet\n", "keys.txt")


@pytest.mark.parametrize("origin", ["app.example.org", "https://app.example.org/", "https://a b", "null"])
def test_what_can_be_no_origin_is_refused(origin):
    with pytest.raises(UsageError, match="is no origin"):
        read_origins([origin])
