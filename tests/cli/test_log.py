"""towpath log show: what services answered, from the segments that their workers write."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Towpath
from towpath.cli.log import since_seconds
from towpath.core.errors import Exit, UsageError
from towpath.core.log import Block, frame
from towpath.wiring import Project

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON = NOW.timestamp()


def block(service: str, answers: int, **changed: object) -> Block:
    """Answers a second apart from noon on, to requests r-0, r-1 and so on."""
    made = Block(
        service,
        f"{service}@1.0.0",
        "ab" * 32,
        ["stays", "leaves"],
        [f"r-{i}" for i in range(answers)],
        [NOON + i for i in range(answers)],
        [0] * answers,
        [[i / 10] for i in range(answers)],
        [int(i >= 5) for i in range(answers)],
        {"CustomerId": [1000 + i for i in range(answers)]},
        {},
    )
    return msgspec.structs.replace(made, **changed)


def segment(folder: Path, *blocks: Block, number: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"20260301T120000Z-7-{number:06d}.log"
    path.write_bytes(b"".join(frame(msgspec.msgpack.encode(one)) for one in blocks))
    return path


def test_answers_are_shown_eldest_first_with_their_sums(towpath: Towpath, tmp_path: Path):
    segment(tmp_path, block("bankchurn", 10))
    done = towpath("log", "show", tmp_path)
    lines = done.out.splitlines()

    assert lines[0].split() == ["time", "request", "answered", "by", "decision", "scores", "ids"]
    assert lines[1].split() == ["2026-03-01T12:00:00.000Z", "r-0", "bankchurn", "bankchurn@1.0.0", "stays", "0",
                                "CustomerId=1000"]  # fmt: skip
    assert lines[10].split()[1] == "r-9" and lines[11] == ""
    assert lines[12] == "10 answers to 10 requests, 2026-03-01 12:00:00 UTC to 2026-03-01 12:00:09 UTC"
    assert lines[13].split("  ")[-1] == "leaves 5 (50.0%), stays 5 (50.0%)" and len(lines) == 14


def test_the_newest_are_shown_and_all_are_summed_up_over_files_and_folders(towpath: Towpath, tmp_path: Path):
    segment(tmp_path / "prod", block("bankchurn", 8))
    segment(tmp_path / "prod", block("bankchurn", 8, times=[NOON - 60 + i for i in range(8)]), number=2)
    segment(tmp_path / "dev", block("iris", 3, times=[NOON + 100] * 3))
    found = towpath("log", "show", tmp_path, "--limit", "5", "--json").data

    assert [(one["service"], one["request"]) for one in found["answers"]] == [
        ("bankchurn", "r-6"), ("bankchurn", "r-7"), ("iris", "r-0"), ("iris", "r-1"), ("iris", "r-2"),
    ]  # fmt: skip
    assert found["sums"]["answers"] == 19 and found["sums"]["files"] == 3
    assert (found["sums"]["first"], found["sums"]["last"]) == (NOON - 60, NOON + 100)


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        (["--service", "iris"], 3),
        (["--service", "nobody"], 0),
        (["--request", "r-2"], 2),
        (["--since", "2026-03-01T12:00:08"], 2),
        (["--since", "2026-03-01T13:00:08+01:00", "--service", "bankchurn"], 2),
        (["--since", "2026-03-02"], 0),
        (["--since", "1s"], 0),
    ],
)
def test_answers_are_chosen_by_service_request_and_time(towpath: Towpath, tmp_path: Path, words, answers):
    segment(tmp_path, block("bankchurn", 10), block("iris", 3))
    found = towpath("log", "show", tmp_path, "--limit", "0", *words, "--json").data

    assert found["sums"]["answers"] == len(found["answers"]) == answers


def test_one_json_object_a_line_is_printed_where_lines_are_asked_for(towpath: Towpath, tmp_path: Path):
    segment(tmp_path, block("bankchurn", 30))
    rows = [json.loads(line) for line in towpath("log", "show", tmp_path, "--lines", "--limit", "0").out.splitlines()]

    assert len(rows) == 30 and rows[7]["request"] == "r-7" and rows[7]["ids"] == {"CustomerId": 1007}
    assert rows[7]["decision"] == "leaves" and rows[7]["scores"] == [0.7] and rows[7]["bundle"] == "ab" * 32


def test_a_file_that_breaks_off_is_shown_up_to_there_and_told(towpath: Towpath, tmp_path: Path):
    path = segment(tmp_path, block("bankchurn", 4), block("bankchurn", 4))
    os.truncate(path, path.stat().st_size - 10)
    done = towpath("log", "show", tmp_path)

    assert "4 answers to 4 requests" in done.out and f"{path} breaks off: its last " in done.out


def test_a_shadows_answers_are_told_apart(towpath: Towpath, tmp_path: Path):
    live = block("bankchurn", 2, revision="bankchurn/prod#7")
    segment(tmp_path, live, block("bankchurn", 2, revision="bankchurn/prod#8", shadow=True))
    out = towpath("log", "show", tmp_path).out

    assert "4 answers to 2 requests, 2 of them by shadows" in out
    assert out.count("bankchurn bankchurn/prod#8 (shadow)") == 3 and "bankchurn/prod#7 (shadow)" not in out


def test_answers_that_are_numbers_have_no_decision(towpath: Towpath, tmp_path: Path):
    segment(tmp_path, block("carvision", 2, classes=[], decisions=[], scores=[[9000.25], [12000.5]]))
    out = towpath("log", "show", tmp_path).out

    assert "9000.25" in out and "value 2 (100.0%)" in out


def test_what_a_client_called_itself_paints_no_terminal(towpath: Towpath, tmp_path: Path):
    segment(tmp_path, block("bankchurn", 1, ids={"CustomerId": ["\x1b[31m\u202e\nred"]}))
    out = towpath("log", "show", tmp_path).out

    assert all(" " <= one <= "~" or one == "\n" for one in out) and "\\u001b[31m\\u202e\\nred" in out


def test_files_that_are_none_of_the_logs_are_left_alone(towpath: Towpath, tmp_path: Path):
    (tmp_path / "app.log").write_text("no segment")

    assert "no answer is as asked for: 0 files" in towpath("log", "show", tmp_path).out


def test_the_folder_is_the_one_that_serve_would_write_to(towpath: Towpath, bank: Project, monkeypatch):
    refused = towpath("log", "show")
    assert refused.code == Exit.USAGE and "towpath serve --log" in refused.err

    segment(bank.root / ".towpath" / "log" / "prod", block("bankchurn", 1))
    assert "1 answer to" in towpath("log", "show").out
    with (bank.root / "towpath.toml").open("a") as file:
        file.write('\n[serve]\nlog = "answers"\n')
    segment(bank.root / "answers", block("bankchurn", 2))
    assert "2 answers to" in towpath("log", "show").out
    segment(bank.root / "elsewhere", block("bankchurn", 3))
    monkeypatch.setenv("TOWPATH_LOG", str(bank.root / "elsewhere"))
    assert "3 answers to" in towpath("log", "show").out


def test_a_log_of_a_newer_version_is_refused(towpath: Towpath, tmp_path: Path):
    (tmp_path / "20260301T120000Z-7-000001.log").write_bytes(frame(msgspec.msgpack.encode({"format": "towpath/log/2"})))

    assert towpath("log", "show", tmp_path).code == Exit.TOO_NEW


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", NOON - 90),
        ("15m", NOON - 900),
        ("2h", NOON - 7200),
        ("3d", NOON - 259_200),
        ("2026-03-01", NOON - 43_200),
    ],
)
def test_since_is_how_long_ago_or_a_time(text, seconds):
    assert since_seconds(text, NOW) == seconds


@pytest.mark.parametrize("text", ["yesterday", "15", "m", "-1m", "1w", "2026-13-01", "999999d"])
def test_what_is_no_time_is_refused_with_examples(text):
    with pytest.raises(UsageError, match="--since should be") as refused:
        since_seconds(text, NOW)

    assert "15m" in refused.value.hint
