"""Ready-made model servers, each in an environment of its own under .tools/peer-*, and the request each wants."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.racing.contenders import body
from bench.racing.servers import ROOT, Server

TOOLS = ROOT / ".tools"


@dataclass(frozen=True)
class Peer:
    """A server, the path it predicts at, and how it wants a customer."""

    name: str
    server: Server
    path: str
    body: Callable[[dict[str, Any]], bytes]


def peers(model: str, work: Path) -> list[Peer]:
    """All of them. Raises FileNotFoundError naming the one that is not installed."""
    made = [
        Peer("bentoml", _bento(model), "/predict", lambda record: body({"customers": [record]})),
        Peer("litserve", _module("litserve", model, "bench.peers.lit"), "/predict", body),
        Peer("mlserver", _module("mlserver", model, "bench.peers.ml", work / "mlserver"), V2, _tensors),
        Peer("mlflow", _module("mlflow", model, "bench.peers.flow", work / "mlflow"), "/invocations", _records),
        Peer("ray", _module("ray", model, "bench.peers.rayserve"), "/predict", body),
    ]
    for peer in made:
        if not (TOOLS / f"peer-{peer.name}" / "made").exists():
            raise FileNotFoundError(f"{peer.name} is not installed: make bench-peers")
    return made


V2 = "/v2/models/bankchurn/infer"


def _bento(model: str) -> Server:
    words = (
        str(TOOLS / "peer-bentoml" / "bin" / "bentoml"),
        "serve",
        "bench.peers.bento:Bankchurn",
        "--port",
        "{port}",
    )
    return _server("bentoml", words, model, (("BENTOML_DO_NOT_TRACK", "True"),))


def _module(name: str, model: str, module: str, folder: Path | None = None) -> Server:
    words = (
        str(TOOLS / f"peer-{name}" / "bin" / "python"),
        "-m",
        module,
        *((str(folder),) if folder else ()),
        "{port}",
    )
    return _server(name, words, model, (("MLFLOW_DISABLE_TELEMETRY", "true"), ("RAY_USAGE_STATS_ENABLED", "0")))


def _server(name: str, words: tuple[str, ...], model: str, also: tuple[tuple[str, str], ...]) -> Server:
    return Server(name, words, (("REFERENCE_MODEL", model), *also), same=False)


def _records(record: dict[str, Any]) -> bytes:
    return body({"dataframe_records": [record]})


def _tensors(record: dict[str, Any]) -> bytes:
    """The Open Inference Protocol: one column a tensor."""
    return body({"parameters": {"content_type": "pd"}, "inputs": [_tensor(*item) for item in record.items()]})


def _tensor(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        kind, content = "BYTES", {"parameters": {"content_type": "str"}}
    else:
        kind, content = "FP64", {}
    return {
        "name": name,
        "shape": [1, 1],
        "datatype": kind,
        "data": [float("nan") if value is None else value],
        **content,
    }
