"""MLServer with adaptive batching: its runtime, and a starter that writes its settings.

python -m bench.peers.ml FOLDER PORT
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from mlserver import MLModel
from mlserver.codecs import PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from bench.peers.model import answers, load


class Bankchurn(MLModel):
    async def load(self) -> bool:
        self.pipeline = load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows: Any = PandasCodec.decode_request(payload)
        said = [json.dumps(one) for one in answers(self.pipeline, rows.to_dict("records"))]
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("answer", said)])


def write_settings(folder: Path, port: int) -> None:
    """One process, as its parallel workers crash with today's uvloop; batches of up to 64 within a millisecond."""
    folder.mkdir(parents=True, exist_ok=True)
    batching = {"max_batch_size": 64, "max_batch_time": 0.001}
    model = {"name": "bankchurn", "implementation": "bench.peers.ml.Bankchurn", **batching}
    server = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2, "parallel_workers": 0, "debug": False}
    (folder / "model-settings.json").write_text(json.dumps(model))
    (folder / "settings.json").write_text(json.dumps(server))


if __name__ == "__main__":
    home = Path(sys.argv[1])
    write_settings(home, int(sys.argv[2]))
    program = str(Path(sys.executable).with_name("mlserver"))
    os.execv(program, [program, "start", str(home)])  # noqa: S606  # a shell is what we do without
