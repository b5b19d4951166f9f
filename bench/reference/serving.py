"""What the reference services have in common: a joblib file, Prometheus counters, a log line for each request.

REFERENCE_MODEL names the file. REFERENCE_FAIR=1 serves it with one pass over one thread; the originals ask a model
twice, predict and predict_proba, with a thread pool for every row.
"""

import logging
import os
import time
from collections.abc import Callable
from typing import Any

import joblib
from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

FAIR = os.environ.get("REFERENCE_FAIR") == "1"
REQUESTS = Counter("requests_total", "Requests", ["method", "endpoint", "status"])
SECONDS = Histogram("request_duration_seconds", "Seconds", ["endpoint"])

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("reference")


def load() -> Any:
    """The fitted pipeline; in the fair row on one thread."""
    pipeline = joblib.load(os.environ["REFERENCE_MODEL"])
    if FAIR:
        for part in _parts(pipeline):
            if getattr(part, "n_jobs", None) is not None:
                part.n_jobs = 1
    return pipeline


def make_app(title: str) -> FastAPI:
    """An app with the endpoints that all have; each adds its own /predict."""
    app = FastAPI(title=title)
    app.get("/health")(lambda: {"status": "healthy"})
    app.get("/metrics")(lambda: Response(generate_latest(), media_type=CONTENT_TYPE_LATEST))

    @app.middleware("http")
    async def count(request: Request, call_next: Callable[[Request], Any]) -> Any:
        began = time.time()
        reply = await call_next(request)
        REQUESTS.labels(request.method, request.url.path, reply.status_code).inc()
        SECONDS.labels(request.url.path).observe(time.time() - began)
        return reply

    return app


def probabilities(pipeline: Any, rows: Any) -> Any:
    """predict_proba; as the originals do it, after a predict whose result is then compared with it."""
    if not FAIR:
        pipeline.predict(rows)
    return pipeline.predict_proba(rows)


def _parts(pipeline: Any) -> list[Any]:
    """Every estimator inside, whatever holds it."""
    found, waiting = [], [pipeline]
    while waiting:
        part = waiting.pop()
        found.append(part)
        inner = [step for _, step in getattr(part, "steps", [])] + list(getattr(part, "estimators_", []))
        inner += [step for _, step, _ in getattr(part, "transformers_", []) if hasattr(step, "get_params")]
        waiting += [one for one in inner if hasattr(one, "get_params")]
    return found
