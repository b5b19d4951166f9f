"""BentoML with adaptive batching."""

from typing import Any

import bentoml

from bench.peers.model import answers, load


@bentoml.service(workers=1)
class Bankchurn:
    def __init__(self) -> None:
        self.pipeline = load()

    @bentoml.api(route="/predict", batchable=True, max_batch_size=64, max_latency_ms=500)
    def predict(self, customers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return answers(self.pipeline, customers)
