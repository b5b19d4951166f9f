"""The routes file on the disk: whatever stands there, it is read whole, refused by name, or replaced whole."""

import errno
import os
import socket
import threading

import pytest

from tests.core.routed import routes
from towpath.bundle import routes as disk
from towpath.bundle.routes import KEPT, kept_path, kept_routes, look_at, read_routes, write_routes
from towpath.core.errors import Conflict, InfrastructureError
from towpath.core.routes import RoutesRefused
from towpath.core.routes_file import LARGEST, encode, successor


@pytest.fixture
def path(tmp_path):
    return tmp_path / "env" / "prod" / "bankchurn.routes.json"


def refused(path) -> str:
    with pytest.raises(RoutesRefused) as caught:
        read_routes(path)
    return caught.value.reason


def written(path, generations: int):
    """So many generations, one after the other; the last."""
    said = routes({7: 100})
    write_routes(path, said, 0)
    for generation in range(1, generations):
        said = successor(said)
        write_routes(path, said, generation)
    return said


def test_what_is_written_is_read(path):
    write_routes(path, routes({7: 90, 8: 10}), 0)

    assert read_routes(path) == routes({7: 90, 8: 10})


def test_a_directory_a_link_a_pipe_and_a_socket_are_no_routes_file(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "real").write_bytes(encode(routes({7: 100})))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))

        assert {refused(tmp_path / name) for name in ("folder", "link", "pipe", "socket")} == {"not_regular"}


def test_what_is_not_there_is_missing_and_what_is_too_large_is_not_read_to_its_end(tmp_path):
    with open(tmp_path / "large", "wb") as file:
        file.truncate(100 * LARGEST)

    assert (refused(tmp_path / "none"), refused(tmp_path / "large")) == ("missing", "too_large")


def test_what_the_system_refuses_is_unreadable(path, monkeypatch):
    written(path, 1)

    def refuse(*given, **also):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(disk.os, "open", refuse)

    assert refused(path) == "unreadable"


def test_another_look_tells_of_a_change_that_leaves_size_and_time_as_they_were(path):
    written(path, 1)
    before, about = look_at(path), path.stat()
    path.write_bytes(path.read_bytes().replace(b"prod", b"test"))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))

    assert look_at(path) != before and look_at(path).size == before.size


def test_only_who_saw_the_last_generation_may_write_the_next(path):
    said = written(path, 3)

    for generation, expected in ((3, 2), (4, 2), (5, 3), (2, 1)):
        with pytest.raises(Conflict):
            write_routes(path, routes({8: 100}, generation=generation), expected)
    assert read_routes(path) == said


def test_of_many_writers_at_once_one_wins(path):
    written(path, 1)
    outcomes = []

    def write(number):
        try:
            write_routes(path, routes({number: 100}, generation=2), 1)
            outcomes.append(number)
        except Conflict:
            outcomes.append(None)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (winner,) = [one for one in outcomes if one]
    assert read_routes(path).traffic[0].revision == winner and len(outcomes) == 8


def test_routes_of_another_service_do_not_replace_these(path):
    written(path, 1)

    with pytest.raises(RoutesRefused):
        write_routes(path, routes({7: 100}, generation=2, service="iris", revisions=()), 1)


def test_the_last_five_generations_are_kept(path):
    written(path, 8)

    kept = sorted(one.name for one in path.parent.iterdir() if one.name.startswith("bankchurn.routes."))
    assert kept == [*(f"bankchurn.routes.{number}.json" for number in range(4, 9)), "bankchurn.routes.json"]
    assert len(kept) == KEPT + 1 and read_routes(kept_path(path, 6)).generation == 6


@pytest.mark.parametrize("damage", [b"", b"{}", b"half"])
def test_a_file_that_something_overwrote_is_mended_by_the_next_generation(path, damage):
    said = written(path, 3)
    path.write_bytes(damage)

    assert next(kept_routes(path)) == said
    write_routes(path, successor(said), 3)
    assert read_routes(path).generation == 4


def test_an_older_file_in_its_place_is_no_way_back_for_a_writer(path):
    said = written(path, 3)
    path.write_bytes(encode(routes({7: 100})))

    with pytest.raises(Conflict, match="generation 3"):
        write_routes(path, routes({8: 100}, generation=2), 1)
    write_routes(path, successor(said), 3)
    assert read_routes(path).generation == 4


def test_a_name_with_signs_of_a_pattern_keeps_its_generations_too(tmp_path):
    written(tmp_path / "bank[churn].json", 8)

    assert [one.generation for one in kept_routes(tmp_path / "bank[churn].json")] == [8, 7, 6, 5, 4]


@pytest.mark.parametrize("call", ["fsync", "rename", "open"])
def test_a_disk_that_refuses_leaves_the_old_file_and_nothing_beside_it(path, monkeypatch, call):
    said = written(path, 2)
    before = sorted(path.parent.iterdir())

    def refuse(*given, **also):
        raise OSError(errno.ENOSPC, "No space left on device")

    if call == "rename":
        monkeypatch.setattr(disk.Path, "rename", refuse)
    elif call == "open":
        real = os.open
        monkeypatch.setattr(disk.os, "open", lambda *a, **k: refuse() if a[1] & os.O_EXCL else real(*a, **k))
    else:
        monkeypatch.setattr(disk.os, "fsync", refuse)
    with pytest.raises(InfrastructureError, match="No space left"):
        write_routes(path, successor(said), 2)
    monkeypatch.undo()

    assert read_routes(path) == said and sorted(path.parent.iterdir()) == before


def test_a_writer_that_died_is_in_nobodys_way(path):
    said = written(path, 1)
    path.with_name(f".{path.name}.{os.getpid()}").write_bytes(b"half")

    write_routes(path, successor(said), 1)

    assert read_routes(path).generation == 2
