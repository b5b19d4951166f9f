"""A worker as a process with keys, a certificate, limits and a prediction log."""

import hashlib
import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.conftest import FLOWER
from tests.serving.process import serving, start
from towpath.core.errors import Exit
from towpath.core.log import read_segment
from towpath.serving.settling import OTHER_FILES

EVERYWHERE = "0.0.0.0"  # noqa: S104  # what the test is about

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert]
    subprocess.run([*words, *name], check=True, capture_output=True)
    return cert, key


def over_tls(port: int, context: ssl.SSLContext) -> tuple[int, dict]:
    connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
    try:
        connection.request("POST", "/predict", json.dumps(FLOWER))
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def test_a_worker_serves_over_tls_of_1_2_at_least(bundles, certificate):
    cert, key = certificate
    with serving(bundles["iris"], "--tls-cert", cert, "--tls-key", key) as worker:
        trusting = ssl.create_default_context(cafile=cert)
        assert over_tls(worker.port, trusting)[1]["class_name"] == "setosa"

        old = ssl.create_default_context(cafile=cert)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            over_tls(worker.port, old)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            worker.get("/live")
        assert over_tls(worker.port, trusting)[0] == 200, "who speaks no TLS stops nobody else"


def test_a_key_of_another_certificate_is_refused_at_the_start(bundles, certificate, tmp_path):
    (tmp_path / "key.pem").write_text("no key")
    process = start(bundles["iris"], "--port", "0", "--tls-cert", certificate[0], "--tls-key", tmp_path / "key.pem")
    told = process.communicate(timeout=20)[1]

    assert process.returncode == Exit.USAGE and "has no key in PEM" in told and "Traceback" not in told


def test_keys_protect_an_address_that_others_can_reach(bundles, tmp_path):
    (tmp_path / "keys").write_text(f"shop:sha256:{hashlib.sha256(b'open sesame').hexdigest()}\n")
    with serving(bundles["iris"], "--host", EVERYWHERE, "--keys", tmp_path / "keys") as worker:
        body = json.dumps(FLOWER)

        assert worker.ask("POST", "/predict", body).status == 401
        assert worker.ask("POST", "/predict", body, {"Authorization": "Bearer open sesame"}).status == 200
        assert worker.get("/health").status == worker.get("/metrics").status == worker.get("/docs").status == 200
        assert worker.metrics('towpath_refused_total{code="unauthorized"}') == {
            'towpath_refused_total{code="unauthorized"}': 1
        }


def test_an_address_that_everybody_may_ask_at_is_told_loudly_whatever_the_certificate(bundles, certificate):
    cert, key = certificate
    with serving(bundles["iris"], "--host", EVERYWHERE, "--tls-cert", cert, "--tls-key", key) as worker:
        told = worker.told("open_to_all")

    assert "keeps nobody out" in told["why"] and "--keys" in told["hint"]


def test_metrics_are_told_on_a_port_of_their_own_and_on_the_public_one_no_more(bundles):
    with serving(bundles["iris"], bundles["bankchurn"], "--metrics-port", "0") as worker:
        assert worker.post("/iris/predict", FLOWER).status == 200
        assert [worker.get(path).status for path in ("/metrics", "/iris/metrics", "/live")] == [404, 404, 200]

        worker.port = worker.event["metrics_port"]
        told = worker.metrics('towpath_requests_total{service="iris",route="/predict",status="200"}')
        assert list(told.values()) == [1]
        assert [worker.get(path).status for path in ("/live", "/health", "/iris/live")] == [200, 404, 404]
        assert worker.post("/iris/predict", FLOWER).status == 404
        assert worker.stop() == 0


def test_a_port_for_metrics_that_is_taken_is_told(bundles):
    with serving(bundles["iris"], "--metrics-port", "0") as worker:
        process = start(bundles["iris"], "--port", "0", "--metrics-port", worker.event["metrics_port"])
        told = process.communicate(timeout=20)[1]

    assert process.returncode == Exit.INFRASTRUCTURE and f"port {worker.event['metrics_port']} is taken" in told


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]])
def test_a_port_for_records_and_for_metrics_is_not_told_to_be_killed_for(bundles, workers):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = start(bundles["iris"], *workers, "--port", port, "--metrics-port", port)
    told = process.communicate(timeout=20)[1]

    assert process.returncode == Exit.INFRASTRUCTURE and f"port {port} is taken by this process itself" in told
    assert "--metrics-port" in told.partition("hint: ")[2] and "kill" not in told


def test_limits_and_the_log_are_set_by_flags_and_the_log_is_whole_when_the_worker_ends(bundles, tmp_path):
    words = ["--limit", "body_bytes=2000", "--limit", "header_count=20", "--log", tmp_path / "log"]
    with serving(bundles["iris"], *words) as worker:
        assert worker.ask("POST", "/predict", "x" * 2001).status == 413
        assert worker.post("/predict", FLOWER).status == 200
        assert worker.stop() == 0

    (segment,) = (tmp_path / "log").iterdir()
    (block,) = read_segment(segment.read_bytes())
    assert block.service == "iris" and block.decisions == [0] and len(block.requests) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from /proc")
def test_as_many_files_can_be_open_as_connections_are_allowed(bundles):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))  # which the worker inherits
    try:
        with serving(bundles["iris"], "--limit", "connections=5000") as worker:
            (told,) = re.findall("Max open files +([0-9]+)", Path(f"/proc/{worker.process.pid}/limits").read_text())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert int(told) == min(hard, 5000 + OTHER_FILES)


def test_a_limit_that_is_none_is_told(bundles):
    process = start(bundles["iris"], "--port", "0", "--limit", "body_bites=1")
    told = process.communicate(timeout=20)[1]

    assert process.returncode == Exit.USAGE and "body_bites: is no limit" in told and "Traceback" not in told
