"""The certificate that a worker shows: what is wrong with it is told in words, with what to do."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from towpath.core.errors import InfrastructureError, UsageError
from towpath.serving import tls as module
from towpath.serving.access import Access
from towpath.serving.tls import tls, validity

DAY = 86_400


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """cert.pem and key.pem, both in DER, key of another, and key with a password."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    for words in (
        ["req", "-x509", *curve, "-nodes", "-days", "30", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=a"],
        ["req", "-x509", *curve, "-nodes", "-days", "30", "-keyout", "other.pem", "-out", "none", "-subj", "/CN=a"],
        ["req", "-x509", *curve, "-nodes", "-days", "20000", "-keyout", "far.key", "-out", "far.pem", "-subj", "/CN=a"],
        ["x509", "-in", "cert.pem", "-outform", "der", "-out", "cert.der"],
        ["pkey", "-in", "key.pem", "-outform", "der", "-out", "key.der"],
        ["pkey", "-in", "key.pem", "-aes256", "-passout", "pass:x", "-out", "locked.pem"],
    ):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    return folder


def test_a_certificate_and_its_key_are_taken(made):
    assert tls(Access(certificate=made / "cert.pem", private_key=made / "key.pem")) is not None
    assert tls(Access()) is None


@pytest.mark.parametrize(
    ("certificate", "key", "told", "hint"),
    [
        ("cert.pem", "other.pem", "other.pem is not the key of .*cert.pem", "print the same"),
        ("key.pem", "cert.pem", "key.pem is the key and .*cert.pem the certificate", "exchange"),
        ("cert.der", "key.pem", "cert.der has no certificate in PEM", "openssl x509 -inform der"),
        ("cert.pem", "key.der", "key.der has no key in PEM", "openssl pkey -inform der"),
        ("cert.pem", "locked.pem", "locked.pem has a password", "openssl pkey -in"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(made, certificate, key, told, hint):
    with pytest.raises(UsageError, match=told) as refused:
        tls(Access(certificate=made / certificate, private_key=made / key))

    assert hint in refused.value.hint


@pytest.mark.parametrize(("certificate", "key", "what"), [("x", "key.pem", "certificate"), ("cert.pem", "x", "key")])
def test_a_file_that_is_missing_is_told_by_its_name(made, certificate, key, what):
    with pytest.raises(InfrastructureError, match=f"the {what} .*/x cannot be read: No such file") as refused:
        tls(Access(certificate=made / certificate, private_key=made / key))

    assert "--tls-" in refused.value.hint


def test_a_certificate_that_is_cut_off_is_refused_in_words(made, tmp_path):
    whole = (made / "cert.pem").read_text()
    (tmp_path / "cert.pem").write_text(whole[: len(whole) // 2])

    with pytest.raises(UsageError, match="cannot be used"):
        tls(Access(certificate=tmp_path / "cert.pem", private_key=made / "key.pem"))


@pytest.mark.parametrize(("days", "told"), [(31, "expired on [0-9-]{10} at"), (-1, "is valid from [0-9-]{10} at")])
def test_a_certificate_out_of_its_time_is_refused_with_the_day(made, monkeypatch, days, told):
    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + days * DAY)

    with pytest.raises(UsageError, match=told) as refused:
        tls(Access(certificate=made / "cert.pem", private_key=made / "key.pem"))
    assert "clock" in refused.value.hint


@pytest.mark.parametrize("name", ["cert.pem", "far.pem"])
def test_the_days_of_a_certificate_are_those_that_openssl_reads(made, name):
    words = ["openssl", "x509", "-in", made / name, "-noout", "-dates"]
    dates = re.findall("=(.+)", subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    assert validity((made / name).read_bytes()) == tuple(module.ssl.cert_time_to_seconds(date) for date in dates)
