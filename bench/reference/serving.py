"""What the FastAPI references have in common: a joblib file, Prometheus series, log lines at INFO and above.

Follows runbook 004's three services: series counted in the handler of /predict alone, INFO to stderr, and uvicorn's own
access line. REFERENCE_MODEL names the file. REFERENCE_FAIR=1 serves the same with one pass over one thread; the
originals ask a classifier twice, predict and predict_proba, and their forests were made with a thread for each core.
"""

import logging
import os
from typing import Any

import joblib
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

from bench.reference.threads import set_threads

FAIR = os.environ.get("REFERENCE_FAIR") == "1"
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("reference")


def load() -> Any:
    """The fitted pipeline; in the fair row on one thread."""
    pipeline = joblib.load(os.environ["REFERENCE_MODEL"])
    return set_threads(pipeline, 1) if FAIR else pipeline


def make_app(title: str) -> FastAPI:
    """An app with the endpoint that all have; each adds its own /predict."""
    app = FastAPI(title=title, version="1.0.0")
    app.get("/health")(lambda: {"status": "healthy"})
    return app


class Counts:
    """The series of one service, told at /metrics: requests by method, endpoint and status, and their seconds."""

    def __init__(self, app: FastAPI, service: str):
        labels = ["method", "endpoint", "status"]
        self._requests = Counter(f"{service}_requests_total", "Requests", labels)
        self._seconds = Histogram(f"{service}_request_duration_seconds", "Seconds", ["endpoint"], buckets=BUCKETS)
        app.get("/metrics")(lambda: Response(generate_latest(), media_type=CONTENT_TYPE_LATEST))

    def answered(self, endpoint: str, seconds: float) -> None:
        self._requests.labels(method="POST", endpoint=endpoint, status="200").inc()
        self._seconds.labels(endpoint=endpoint).observe(seconds)


def probabilities(pipeline: Any, rows: Any) -> tuple[Any, Any]:
    """Classes and probabilities; as the originals find them, in two passes. In the fair row one pass gives both."""
    if FAIR:
        found = pipeline.predict_proba(rows)
        return pipeline.classes_[found.argmax(axis=1)], found
    return pipeline.predict(rows), pipeline.predict_proba(rows)
