"""Bodies that no client should send: valid ones with their values, their bytes or their shape spoilt."""

import json
import random
from collections.abc import Callable
from typing import Any

from towpath.core.contract import Contract, example_record
from towpath.serving.exchange import Exchange, Head
from towpath.serving.service import Service

VALUES = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, -1e308, 5e-324, 2**53, 2**63, 2**64, -(2**63), 10**400, "", " ",
    "0", "1e5", "NaN", "nan", "null", "\x00", "\u2028", "\ud7ff", "é" * 50, "a" * 5000, "France", [], {}, [[]],
    [None], [1, 2, 3, 4], [1.0] * 1000, {"a": {"b": []}}, ["x"] * 5,
)  # fmt: skip
TOKENS = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\xff", b"\xc3\x28", b"\xed\xa0\x80",
    b"NaN", b"-Infinity", b"1e400", b"-", b"0x1", b"1" * 400, b"\x00", b"\xef\xbb\xbf", b"//", b"/* */", b"'",
    b"[" * 50,
)  # fmt: skip
Bodies = Callable[[], tuple[str, bytes]]


def asking(service: Service, run: Callable[[], None]) -> Callable[[str, bytes], int]:
    """A way to ask a service's endpoint without a socket: gives the status of the reply."""
    from tests.serving.asking import Kept
    from towpath.serving.app import App

    routes = App([service], service.telemetry).routes()

    def ask(path: str, body: bytes) -> int:
        route = routes[b"POST", path.encode()]
        head = Head(route)
        head.method, head.path = b"POST", path.encode()
        exchange = Exchange(Kept(), head, b"fuzz", body, keep_alive=True)
        route.handle(exchange)
        run()
        return int(exchange.reply[9:12])

    return ask


def bodies(contract: Contract, seed: int) -> Bodies:
    """An endless supply of (path, body), the same for the same seed."""
    rng = random.Random(seed)
    names = [field.name for field in contract.record]
    record, batch = example_record(contract), contract.style.batch.field

    def shaped() -> tuple[str, Any]:
        kind = rng.random()
        spoilt = spoil(rng, record, names)
        if kind < 0.7:
            return "/predict", spoilt
        if kind < 0.8:
            return "/explain", spoilt
        if kind < 0.95:
            rows: Any = [spoil(rng, record, names) for _ in range(rng.choice((0, 1, 2, 3)))]
            return "/predict_batch", {batch: rng.choice((rows, rows, rows, spoilt, None, [None], [rows]))}
        shape = rng.choice(([1], [1, 1], [0], [0, 0], [1, 0], [-1], [2], [], [10**9, 10**9]))
        datatype = rng.choice(("FP64", "BYTES", "INT64", "BOOL", "nothing", 3))
        about = {"shape": shape, "datatype": datatype}
        tensors = [about | {"name": name, "data": [value] if all(shape) else []} for name, value in spoilt.items()]
        return f"/v2/models/{contract.service}/infer", {"inputs": rng.choice((tensors, tensors, spoilt, None))}

    def draw() -> tuple[str, bytes]:
        path, value = shaped()
        body = json.dumps(value).encode()
        return path, mutate(rng, body) if rng.random() < 0.5 else body

    return draw


def spoil(rng: random.Random, record: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """A record with up to three of its fields changed, missing, or none of its."""
    given = dict(record)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        name, how = rng.choice(names), rng.random()
        if how < 0.75:
            given[name] = rng.choice(VALUES)
        elif how < 0.9:
            given.pop(name, None)
        else:
            given[rng.choice(("", "unknown", name.upper(), name + " ", "__class__"))] = rng.choice(VALUES)
    return given


def mutate(rng: random.Random, body: bytes) -> bytes:
    """A few bytes flipped, put in, cut out or doubled; now and then nothing is left, or far too much."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, how = rng.randrange(len(body) + 1), rng.random()
        if how < 0.35 and at < len(body):
            body = body[:at] + bytes([body[at] ^ (1 << rng.randrange(8))]) + body[at + 1 :]
        elif how < 0.65:
            body = body[:at] + rng.choice(TOKENS) + body[at:]
        elif how < 0.85:
            body = body[:at] + body[at + rng.randrange(20) :]
        elif how < 0.97:
            body = body[:at] + body[at : at + 40] * rng.randrange(1, 4) + body[at:]
        else:
            body = rng.choice((b"", b"[" * 20_000, b'{"a":' * 5_000, b"0" * 20_000, body * 20))
    return body


def largest(contract: Contract, size: int) -> dict[str, bytes]:
    """Bodies of the largest size there may be, each as laborious as JSON of that size can get."""
    field = next(iter(example_record(contract)))
    batch = contract.style.batch.field
    record = json.dumps(example_record(contract))

    def filled(start: str, part: str, end: str) -> bytes:
        return (start + part * ((size - len(start) - len(end) - 1) // len(part)) + end).encode()[:size]

    return {
        "numbers": filled(f'{{"{field}":[', "1,", "1]}"),
        "empty lists": filled(f'{{"{field}":[', "[],", "1]}"),
        "empty objects": filled(f'{{"{batch}":[', "{},", "{}]}"),
        "nulls": filled(f'{{"{batch}":[', "null,", "null]}"),
        "nesting": b"[" * size,
        "nested objects": filled("", '{"a":', ""),
        "a long text": filled(f'{{"{field}":"', "a", '"}'),
        "escapes": filled(f'{{"{field}":"', "\\u00e9", '"}'),
        "a long number": filled(f'{{"{field}":', "1", "}"),
        "digits after the point": filled(f'{{"{field}":0.', "1", "}"),
        "the same key": filled("{", f'"{field}":1,', f'"{field}":1}}'),
        "other keys": ("{" + ",".join(f'"{i}":1' for i in range(size // 12)) + "}").encode(),
        "records": filled(f'{{"{batch}":[', record + ",", record + "]}"),
        "blanks": filled("{", " ", "}"),
    }
