"""What a supervisor is asked to run, and its last word where nothing of it can be started."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from towpath.core.errors import Exit, TowpathError
from towpath.serving.supervising.backoff import Death
from towpath.serving.supervising.process import told_of


class Plan(NamedTuple):
    """`command` starts one worker, whatever number of them is asked for."""

    command: Sequence[str]
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    start_seconds: float = 30.0
    insecure: bool = False  # whether the address may be one that others reach
    table: Mapping[str, Any] = {}  # [serve] of towpath.toml, for the workers to read
    metrics_port: int | None = None  # that the workers share; 0 and None are nobody else's


def failure_of(plan: Plan, death: Death, lines: Sequence[str]) -> TowpathError:
    """No worker could be started: in the last one's own words, with its hint and its exit code."""
    told = [line.removeprefix("towpath: ") for line in lines if line.startswith("towpath: ")]
    hints = [line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")]
    how = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told_of(death.code).items())
    said = (told or list(lines) or ["it said nothing"])[-1]
    if death.slow:
        how, said = f"not ready within {plan.start_seconds:g} s", "it was still starting"
        hints = [f"--start-seconds {2 * plan.start_seconds:g} gives it longer"]
    hint = hints[-1] if hints else "its log is above; without --workers one runs in this process"
    error = TowpathError(f"no worker starts ({how}): {said}", hint=hint)
    if death.code in {code.value for code in Exit}:
        error.exit_code = Exit(death.code) or Exit.FAILED
    return error
