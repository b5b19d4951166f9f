"""Ray Serve with batching: python -m bench.peers.rayserve PORT"""

import sys
import time
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from bench.peers.model import answers, load


@serve.deployment(ray_actor_options={"num_cpus": 0.5})
class Bankchurn:
    def __init__(self) -> None:
        self.pipeline = load()

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.001)
    async def answer(self, customers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return answers(self.pipeline, customers)

    async def __call__(self, request: Request) -> Any:
        return await self.answer(await request.json())


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Bankchurn.bind(), route_prefix="/predict")
    while True:
        time.sleep(60)
