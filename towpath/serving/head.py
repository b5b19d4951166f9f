"""What a request's head must say before its body is read. Framing itself is the parser's: llhttp, strict."""

import re
from collections.abc import Mapping

from towpath.serving.exchange import Refusal, header_lines
from towpath.serving.limits import Limits

KEPT = frozenset(
    {
        b"authorization",
        b"origin",
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"content-encoding",
        b"expect",
        b"x-request-id",
    }
)
HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
DIGITS = re.compile(rb"[0-9]{1,19}")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# RFC 9110 offers 501 and 505 for two of these; but alarms and rollbacks count 5xx, so that here it says: our fault.
MALFORMED = Refusal(400, "bad_request", "the request is not well-formed HTTP/1.1")
TRUNCATED = Refusal(400, "truncated", "the request ended before its body was complete")
BAD_HOST = Refusal(400, "bad_host", "a request needs exactly one valid Host header")
AMBIGUOUS = Refusal(400, "ambiguous_length", "a request has either a Content-Length or a chunked body, never both")
UNKNOWN_CODING = Refusal(400, "unknown_coding", "the only transfer coding understood is chunked")
UNKNOWN_VERSION = Refusal(400, "unknown_version", "this service speaks HTTP/1.1 and HTTP/1.0")
TOO_SLOW = Refusal(408, "timeout", "the request did not arrive in time")
NO_LENGTH = Refusal(411, "length_required", "a POST needs a Content-Length or a chunked body")
TOO_LARGE = Refusal(413, "too_large", "the body is larger than this service accepts")
LONG_TARGET = Refusal(414, "target_too_long", "the request target is longer than this service accepts")
ENCODED = Refusal(415, "encoded", "the body must come without a Content-Encoding")
UNMET = Refusal(417, "expectation_failed", "the only expectation that can be met is 100-continue")
LARGE_HEAD = Refusal(431, "head_too_large", "the request has more or larger headers than this service accepts")
CROWDED = Refusal(
    503, "crowded", "there are too many connections; try again in a moment", header_lines({"Retry-After": "5"})
)
NOT_FOUND = Refusal(404, "not_found", "Not Found")
METHOD_NOT_ALLOWED = Refusal(405, "method_not_allowed", "Method Not Allowed")
BROKEN = Refusal(500, "internal", "the request could not be answered; its id is in the log")

REFUSALS = tuple(one for one in vars().copy().values() if isinstance(one, Refusal))


def refused_head(method: bytes, version: str, headers: Mapping[bytes, bytes], limits: Limits) -> Refusal | None:
    """The first reason not to read the body of a request, from its kept headers; None when it may come."""
    if version not in ("1.1", "1.0"):
        return UNKNOWN_VERSION
    if not HOST.fullmatch(headers.get(b"host", b"")):
        return BAD_HOST
    if refusal := _refused_framing(method, version, headers, limits):
        return refusal
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        return ENCODED
    if headers.get(b"expect", b"100-continue").lower() != b"100-continue":
        return UNMET
    return None


def _refused_framing(method: bytes, version: str, headers: Mapping[bytes, bytes], limits: Limits) -> Refusal | None:
    length, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
    if coding is not None:
        if length is not None or version == "1.0":
            return AMBIGUOUS
        return None if coding.lower() == b"chunked" else UNKNOWN_CODING
    if length is None:
        return NO_LENGTH if method == b"POST" else None
    if not DIGITS.fullmatch(length):
        return MALFORMED
    return TOO_LARGE if int(length) > limits.body_bytes else None


def keep(headers: dict[bytes, bytes], name: bytes, value: bytes, kept: frozenset[bytes]) -> None:
    """Remember a header that somebody acts on; given twice it is a list (RFC 9110, 5.3), which no rule accepts."""
    key = name.lower()
    if key in kept:
        value = value.rstrip(b" \t")  # which llhttp leaves on
        headers[key] = headers[key] + b", " + value if key in headers else value
