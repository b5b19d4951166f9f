"""The certificate that a worker shows, and what is wrong with it, in words."""

import ssl
import time
from calendar import timegm
from pathlib import Path

from towpath.core.errors import InfrastructureError, UsageError
from towpath.serving.access import Access

BEGIN_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
END_CERTIFICATE = b"-----END CERTIFICATE-----"
BEGIN_KEY = b"PRIVATE KEY-----"
ENCRYPTED = (b"BEGIN ENCRYPTED", b"Proc-Type: 4,ENCRYPTED")
LONG, CONSTRUCTED = 0x80, 0xA0  # of DER: lengths in several bytes, and the tag of a certificate's version
FORMS = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}  # how a certificate writes times, by their tags


def tls(access: Access) -> ssl.SSLContext | None:
    """The context of a listener with a certificate: TLS 1.2 at least. Raises InfrastructureError or UsageError."""
    certificate, key = access.certificate, access.private_key
    if certificate is None or key is None:
        return None
    shown, kept = _read(certificate, "certificate", "--tls-cert"), _read(key, "key", "--tls-key")
    _check_kinds(certificate, shown, key, kept)
    _check_times(certificate, shown, time.time())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        raise _unusable(certificate, key, error) from error
    return context


def _read(path: Path, what: str, flag: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InfrastructureError(
            f"the {what} {path} cannot be read: {error.strerror}", hint=f"{flag} names a file that this user may read"
        ) from error


def _check_kinds(certificate: Path, shown: bytes, key: Path, kept: bytes) -> None:
    """Raises UsageError where a file is not what it should be, before OpenSSL says so in its own words."""
    if BEGIN_CERTIFICATE not in shown and BEGIN_KEY in shown and BEGIN_CERTIFICATE in kept:
        raise UsageError(
            f"{certificate} is the key and {key} the certificate", hint="exchange --tls-cert and --tls-key"
        )
    if BEGIN_CERTIFICATE not in shown:
        hint = f"a DER file becomes PEM by: openssl x509 -inform der -in {certificate} -out cert.pem"
        raise UsageError(f"{certificate} has no certificate in PEM", hint=hint)
    if BEGIN_KEY not in kept:
        hint = f"a DER file becomes PEM by: openssl pkey -inform der -in {key} -out key.pem"
        raise UsageError(f"{key} has no key in PEM", hint=hint)
    if any(mark in kept for mark in ENCRYPTED):
        hint = f"nobody is there to be asked for it: openssl pkey -in {key} -out plain.pem"
        raise UsageError(f"the key {key} has a password", hint=hint)


def _check_times(certificate: Path, shown: bytes, now: float) -> None:
    """Raises UsageError for a certificate that no client would accept today."""
    try:
        begins, ends = validity(shown)
    except (ValueError, IndexError):  # whatever it is, OpenSSL has the word
        return
    if now >= ends:
        raise UsageError(
            f"{certificate} expired on {_day(ends)}", hint="renew it: clients refuse it, or the clock is wrong"
        )
    if now < begins:
        raise UsageError(
            f"{certificate} is valid from {_day(begins)} on", hint="look whether the clock of this machine is right"
        )


def validity(pem: bytes) -> tuple[float, float]:
    """When the first certificate of a PEM file begins and ends to be valid, in seconds since 1970 (RFC 5280, 4.1.2.5).

    Raises ValueError or IndexError for what is none.
    """
    start = pem.index(BEGIN_CERTIFICATE)
    text = pem[start : pem.index(END_CERTIFICATE, start) + len(END_CERTIFICATE)].decode("ascii")
    fields = _parts(_parts(_parts(ssl.PEM_cert_to_DER_cert(text))[0][1])[0][1])
    after_version = fields[1:] if fields[0][0] == CONSTRUCTED else fields
    begins, ends = (_seconds(*one) for one in _parts(after_version[3][1]))  # after number, algorithm and issuer
    return begins, ends


def _parts(der: bytes) -> list[tuple[int, bytes]]:
    """The elements of DER that follow each other, as tags and contents."""
    found, here = [], 0
    while here < len(der):
        tag, size, here = der[here], der[here + 1], here + 2
        if size & LONG:
            wide = size - LONG
            size, here = int.from_bytes(der[here : here + wide], "big"), here + wide
        found.append((tag, der[here : here + size]))
        here += size
    return found


def _seconds(tag: int, content: bytes) -> float:
    return float(timegm(time.strptime(content.decode("ascii"), FORMS.get(tag, ""))))


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d at %H:%M UTC", time.gmtime(seconds))


def _unusable(certificate: Path, key: Path, error: ssl.SSLError) -> UsageError:
    if error.reason == "KEY_VALUES_MISMATCH":
        hint = "both of these should print the same: openssl x509 -in CERT -noout -pubkey; openssl pkey -in KEY -pubout"
        return UsageError(f"{key} is not the key of {certificate}", hint=hint)
    told = f"{certificate} and its key cannot be used: {error.reason or error}"
    return UsageError(told, hint="the certificate and its chain in one PEM file, the key in another")


def _no_password() -> str:
    """Instead of asking the terminal for one."""
    return ""
