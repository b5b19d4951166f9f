"""Load by wrk, pinned to a core of its own: keep-alive connections, a closed loop, different bodies in rotation."""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.racing.servers import LOAD_CORE

BESIDE_NICENESS = 15  # or the milliseconds that it takes to read a large reply would be counted as the server's

SCRIPT = """
local requests, at = {}, 0
init = function(arguments)
  for line in io.lines("BODIES") do
    requests[#requests + 1] = wrk.format("POST", "PATH", {["Content-Type"] = "application/json"}, line)
  end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
done = function(summary, latency)
  io.write(string.format('RESULT {"requests": %d, "micros": %d, "p50": %f, "p99": %f, "max": %f, ' ..
    '"status": %d, "broken": %d}\\n', summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), latency.max, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What one sample measured; latencies in milliseconds. refused: replies that are not 2xx or 3xx."""

    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    requests: int
    refused: int


class Driver:
    """wrk over some bodies: one of each line of its file, in rotation."""

    def __init__(self, folder: Path, name: str, path: str, bodies: Sequence[bytes]):
        folder.mkdir(parents=True, exist_ok=True)
        listed, self._script = folder / f"{name}.bodies", folder / f"{name}.lua"
        listed.write_bytes(b"".join(body + b"\n" for body in bodies))
        self._script.write_text(SCRIPT.replace("BODIES", str(listed)).replace("PATH", path))
        self._path = path

    @contextlib.contextmanager
    def driving(self, port: int, connections: int) -> Iterator[int]:
        """Load that goes on beside whatever is measured meanwhile, and leaves the core to who measures; its process."""
        words = ["nice", "-n", str(BESIDE_NICENESS), *self._words(port, connections, 3600.0)]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield process.pid
        finally:
            process.kill()
            process.wait()

    def drive(self, port: int, connections: int, seconds: float) -> Load:
        """Raises RuntimeError where connections broke: then nothing was measured."""
        words = self._words(port, connections, seconds)
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        told = json.loads(next(line for line in said.splitlines() if line.startswith("RESULT "))[7:])
        if told["broken"] or not told["requests"]:
            raise RuntimeError(f"{told['broken']} connections broke under load: {words[-1]}\n{said}")
        return Load(
            told["requests"] / told["micros"] * 1e6,
            told["p50"] / 1000,
            told["p99"] / 1000,
            told["max"] / 1000,
            int(told["requests"]),
            int(told["status"]),
        )

    def _words(self, port: int, connections: int, seconds: float) -> list[str]:
        options = ["-t", "1", "-c", str(connections), "-d", f"{seconds:.0f}s", "--timeout", "10s"]
        address = f"http://127.0.0.1:{port}{self._path}"
        return ["taskset", "-c", str(LOAD_CORE), "wrk", *options, "-s", str(self._script), address]
