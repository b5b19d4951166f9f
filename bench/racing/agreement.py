"""Before a race: whoever serves the same model must answer the same, or there is nothing to compare."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.racing.servers import Question, Server, ask, started

TOLERANCE = 1e-9  # relative
OWN = {"feature_contributions", "model_version", "prediction_timestamp", "batch_id", "processing_time_seconds"}
"""Fields that each answers in its own way: the reference's contributions are constants, ours add up to the score."""


class Disagreement(Exception):
    """Two servers of one model answered differently."""


def agree(servers: Sequence[Server], path: str, bodies: Sequence[bytes]) -> Question:
    """Ask all that serve the same model the same; returns a question with its right answer.

    Raises Disagreement naming the first row and field where an answer is not the first server's.
    """
    first, *others = [server for server in servers if server.same]
    right = _replies(first, path, bodies)
    for other in others:
        for number, (one, another) in enumerate(zip(right, _replies(other, path, bodies), strict=True)):
            if found := next(differences(one, another), None):
                told = f"row {number} of {path}: {first.name} and {other.name} differ in {found}"
                raise Disagreement(f"{told}\n{bodies[number][:400]!r}")
    return Question(path, bodies[0], lambda reply: not any(differences(right[0], json.loads(reply))))


def differences(one: Any, another: Any, path: str = "") -> Iterator[str]:
    """Where two replies are not the same; only fields that both have, of which there must be one."""
    if isinstance(one, Mapping) and isinstance(another, Mapping):
        shared = [name for name in one if name in another and name not in OWN]
        if not shared:
            yield f"{path or 'the reply'}: nothing is in both"
        for name in shared:
            yield from differences(one[name], another[name], f"{path}.{name}".lstrip("."))
    elif isinstance(one, list) and isinstance(another, list) and len(one) == len(another):
        for i, pair in enumerate(zip(one, another, strict=True)):
            yield from differences(*pair, f"{path}[{i}]")
    elif not _same(one, another):
        yield f"{path}: {one!r} and {another!r}"


def _same(one: Any, another: Any) -> bool:
    if isinstance(one, int | float) and isinstance(another, int | float):
        return math.isclose(one, another, rel_tol=TOLERANCE, abs_tol=0.0)
    return bool(one == another)


def _replies(server: Server, path: str, bodies: Sequence[bytes]) -> list[Any]:
    """Raises RuntimeError where one is refused."""
    with started(server, Question(path, bodies[0])) as running:
        found = [ask(running.port, path, body) for body in bodies]
    if refused := [(i, status, reply) for i, (status, reply) in enumerate(found) if status != 200]:
        raise RuntimeError(f"{server.name} refuses {len(refused)} of {len(bodies)} rows: {refused[0]}")
    return [json.loads(reply) for _, reply in found]
