"""Which rows of the runbooks the tests prove, which are declined and which are open: python -m tests.coverage_map."""

import argparse
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.markers import Fault, Proof, read_markers

ROOT = Path(__file__).resolve().parent.parent
ROWS = "tests/requirements_ids.tsv"
DECLINED = "tests/declined.md"
HEAD = ("area", "rows", "proved", "declined", "open")


@dataclass(frozen=True)
class Row:
    """One thing that a runbook asks for."""

    id: str
    area: str
    title: str


@dataclass
class CoverageMap:
    """Every row, the tests that prove it or the reason why it is declined, and what is wrong with the claims."""

    rows: dict[str, Row]
    declined: dict[str, str]
    proved: dict[str, list[str]]
    faults: list[Fault] = field(default_factory=list)

    def state(self, id: str) -> str:
        return "proved" if id in self.proved else "declined" if id in self.declined else "open"

    def ids(self, state: str, area: str = "") -> list[str]:
        return [row.id for row in self.rows.values() if self.state(row.id) == state and area in ("", row.area)]

    def areas(self) -> list[str]:
        return sorted({row.area for row in self.rows.values()})


def main(words: list[str] | None = None, root: Path = ROOT) -> int:
    asked = arguments().parse_args(words)
    found = read_map(root)
    if asked.area and asked.area not in found.areas():
        print(f"no area {asked.area!r}; there are: {', '.join(found.areas())}", file=sys.stderr)
        return 2
    print(as_json(found) if asked.json else "\n".join(as_text(found, asked.area, asked.proved, asked.open)))
    for fault in found.faults:
        print(fault, file=sys.stderr)
    return 1 if found.faults else 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.coverage_map", description=__doc__)
    parser.add_argument("--area", default="", help="only this area")
    parser.add_argument("--proved", action="store_true", help="list every proved row with its tests")
    parser.add_argument("--open", action="store_true", help="list every open row")
    parser.add_argument("--json", action="store_true", help="everything, for machines")
    return parser


def read_map(root: Path) -> CoverageMap:
    rows = read_rows(root / ROWS)
    declined, faults = read_declined(root / DECLINED)
    proofs, wrong_markers = read_markers(root, root / "tests")
    found = CoverageMap(rows, {id: reason for id, (reason, _) in declined.items()}, {}, [*faults, *wrong_markers])
    found.faults += [
        Fault(DECLINED, line, f"there is no row {id}") for id, (_, line) in declined.items() if id not in rows
    ]
    for proof in proofs:
        found.faults += wrong_claim(found, proof)
        tests = found.proved.setdefault(proof.id, [])
        tests += [proof.test] if proof.test not in tests else []
    return found


def read_rows(path: Path) -> dict[str, Row]:
    _, *lines = path.read_text(encoding="utf-8").splitlines()
    return {row.id: row for row in (Row(*line.split("\t")) for line in lines)}


def read_declined(path: Path) -> tuple[dict[str, tuple[str, int]], list[Fault]]:
    """{id: (reason, line)} of the table, and the faults of lines that give no reason or name a row again."""
    declined: dict[str, tuple[str, int]] = {}
    faults = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match = re.match(r"\|\s*([FS]\d+)\s*\|\s*(.*?)\s*\|?\s*$", line)
        if match is None:
            continue
        id, reason = match.groups()
        if not reason:
            faults.append(Fault(DECLINED, number, f"{id} is declined without a reason"))
        if id in declined:
            faults.append(Fault(DECLINED, number, f"{id} is declined twice"))
        declined[id] = (reason, number)
    return declined, faults


def wrong_claim(found: CoverageMap, proof: Proof) -> list[Fault]:
    if proof.id not in found.rows:
        return [Fault(proof.file, proof.line, f"there is no row {proof.id}")]
    if proof.id in found.declined:
        return [Fault(proof.file, proof.line, f"{proof.id} is proved here and declined in {DECLINED}")]
    return []


def as_text(found: CoverageMap, area: str, proved: bool, open_rows: bool) -> list[str]:
    lines = table([HEAD, *(counts(found, name) for name in ([area] if area else [*found.areas(), ""]))])
    for state in ["proved"] * proved + ["open"] * open_rows:
        lines += ["", f"{state}:"]
        for id in found.ids(state, area):
            lines.append(f"  {id}  {found.rows[id].title}")
            lines += [f"        {test}" for test in found.proved.get(id, [])]
    return lines


def counts(found: CoverageMap, area: str) -> tuple[str | int, ...]:
    states = [len(found.ids(state, area)) for state in ("proved", "declined", "open")]
    return (area or "all", sum(states), *states)


def table(lines: list[tuple[str | int, ...]]) -> list[str]:
    width = max(len(str(line[0])) for line in lines)
    return [str(line[0]).ljust(width) + "".join(str(cell).rjust(10) for cell in line[1:]) for line in lines]


def as_json(found: CoverageMap) -> str:
    document = {
        "areas": [dict(zip(HEAD, counts(found, area), strict=True)) for area in found.areas()],
        "proved": found.proved,
        "declined": found.declined,
        "open": found.ids("open"),
        "faults": [str(fault) for fault in found.faults],
    }
    return json.dumps(document, indent=2)


if __name__ == "__main__":
    raise SystemExit(main())
