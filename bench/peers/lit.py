"""LitServe with batching."""

import sys
from typing import Any

import litserve

from bench.peers.model import answers, load


class Bankchurn(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.pipeline = load()

    def decode_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return request

    def batch(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return inputs

    def predict(self, customers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return answers(self.pipeline, customers)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Bankchurn(max_batch_size=64, batch_timeout=0.001), accelerator="cpu")
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, num_api_servers=1, log_level="error"
    )
