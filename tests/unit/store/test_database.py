"""The one SQLite file: made, migrated, shared by nobody, damaged, unwritable."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.store import database as databases
from modules.store.database import MIGRATIONS, Database
from modules.store.history import History


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "studio.sqlite"


def version(database: Database) -> int:
    with database.transaction() as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_it_is_made_with_its_folder_and_survives(path: Path) -> None:
    first = Database(path)
    row = History(first, path.parent).add_job("task(a)", "txt2img", "{}", "ann", 5.0)
    first.close()
    second = Database(path)
    assert second.notices == [] and version(second) == len(MIGRATIONS)
    found = History(second, path.parent).job("task(a)")
    assert found is not None
    assert (found.row, found.owner, found.status, found.queued_at) == (row, "ann", "queued", 5.0)
    with second.transaction() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    second.close()


def test_a_transaction_is_whole_or_nothing(path: Path) -> None:
    database = Database(path)
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        connection.execute("INSERT INTO hashes VALUES ('a', 1, 2, 'x')")
        raise ZeroDivisionError
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM hashes").fetchone() == (0,)


def test_many_threads_may_write(path: Path) -> None:
    history = History(Database(path), path.parent)
    threads = [
        threading.Thread(target=lambda: [history.add_job("a", "k", "{}", None, 1.0) for _ in range(50)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(history.recent(1000)) == 200


def test_an_older_file_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Database(path)
    History(old, path.parent).add_job("task(a)", "txt2img", "{}", None, 5.0)
    old.close()
    more = (*MIGRATIONS, "ALTER TABLE jobs ADD COLUMN device TEXT NOT NULL DEFAULT 'cpu'")
    monkeypatch.setattr(databases, "MIGRATIONS", more)
    new = Database(path)
    assert version(new) == len(more)
    with new.transaction() as connection:
        assert connection.execute("SELECT id, device FROM jobs").fetchall() == [("task(a)", "cpu")]


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Database(path)
    for _ in range(2):
        History(old, path.parent).add_job("task(a)", "txt2img", "{}", None, 5.0)
    old.close()
    failing = "CREATE TABLE half (a); CREATE UNIQUE INDEX once ON jobs (id)"
    monkeypatch.setattr(databases, "MIGRATIONS", (*MIGRATIONS, failing))
    monkeypatch.setattr(databases, "_copy_readable", lambda *_: None)
    assert "kept in memory" in Database(path).notices[0]
    monkeypatch.undo()
    again = Database(path)
    assert again.notices == [] and version(again) == len(MIGRATIONS)
    with again.transaction() as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchone() is None


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    Database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    database = Database(path)
    assert "newer version" in database.notices[0]
    database.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (999,)
    connection.close()


def _scribble(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is no database, whatever its name says" * 100)


def _tear(path: Path) -> None:
    database = Database(path)
    history = History(database, path.parent)
    for number in range(300):
        history.add_job(f"task({number})", "txt2img", '{"prompt": "' + "x" * 400 + '"}', None, 1.0)
    database.close()
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 20] = b"\xff" * (4096 * 17)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [_scribble, _tear])
def test_a_damaged_file_is_moved_aside(path: Path, damage) -> None:
    damage(path)
    before = path.read_bytes()
    database = Database(path)
    (notice,) = database.notices
    assert "was damaged" in notice and "no picture is lost" in notice
    (aside,) = path.parent.glob("studio.sqlite.damaged-*")
    assert aside.name in notice and aside.read_bytes() == before
    assert History(database, path.parent).add_job("task(b)", "txt2img", "{}", None, 1.0) == 1
    database.close()
    assert Database(path).notices == []


def test_where_nothing_can_be_written_it_remembers_in_memory(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a file where the folder should be")
    database = Database(tmp_path / "outputs" / "studio.sqlite")
    (notice,) = database.notices
    assert "kept in memory" in notice and "make" in notice and str(tmp_path / "outputs") in notice
    assert History(database, tmp_path).add_job("task(a)", "txt2img", "{}", None, 1.0) == 1


def test_a_read_only_file_is_still_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Database(path)
    History(first, path.parent).add_job("task(a)", "txt2img", "{}", None, 1.0)
    first.close()
    untouched = path.stat().st_mtime_ns
    prepared = databases._prepared

    def refusing(target: str) -> sqlite3.Connection:
        if target != ":memory:":
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return prepared(target)

    monkeypatch.setattr(databases, "_prepared", refusing)
    database = Database(path)
    history = History(database, path.parent)
    assert "readonly" in database.notices[0]
    assert [job.id for job in history.recent(5)] == ["task(a)"]
    history.add_job("task(b)", "txt2img", "{}", None, 2.0)
    assert [job.id for job in history.recent(5)] == ["task(b)", "task(a)"]
    assert path.stat().st_mtime_ns == untouched


@pytest.fixture
def other_studio(path: Path) -> Iterator[subprocess.Popen[str]]:
    program = (
        "import sys; from pathlib import Path; from modules.store.database import Database;"
        " d = Database(Path(sys.argv[1])); print(d.notices, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path)]
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "[]\n"
        yield other
        other.kill()


def test_a_second_studio_on_the_same_folder_keeps_its_own_in_memory(
    path: Path, other_studio: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "PATIENCE", 0.1)
    second = Database(path)
    assert "another studio is using it" in second.notices[0]
    assert History(second, path.parent).add_job("task(a)", "txt2img", "{}", None, 1.0) == 1
    other_studio.kill()
    other_studio.wait()
    assert Database(path).notices == []


def test_trouble_with_writing_is_told_while_it_lasts(path: Path) -> None:
    database = Database(path)
    history = History(database, path.parent)
    with database.transaction() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    database._connection.execute(f"PRAGMA max_page_count = {pages}")  # as full as a disk can be
    assert history.add_job("task(a)", "txt2img", "x" * 10_000, None, 1.0) is None
    assert "database or disk is full" in history.notices[0]
    assert history.recent(5) == []
    database._connection.execute("PRAGMA max_page_count = 100000")
    assert history.add_job("task(b)", "txt2img", "{}", None, 1.0) is not None
    assert history.notices == ()


def test_a_large_history_is_not_checked_for_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Database(path)
    with first.transaction() as connection:
        rows = ((str(number), number) for number in range(20_000))
        connection.executemany("INSERT INTO hashes VALUES (?, ?, 0, 'x')", rows)
    first.close()
    monkeypatch.setattr(databases, "LONGEST_CHECK", 0.0)
    second = Database(path)
    assert second.notices == [] and len(second.read("SELECT * FROM hashes")) == 20_000


def test_images_are_kept_below_the_root_so_that_it_can_move(tmp_path: Path) -> None:
    database = Database(None)
    history = History(database, tmp_path)
    row = history.add_job("task(a)", "txt2img", "{}", None, 1.0)
    history.add_image(row, tmp_path / "outputs/a.png", "text", 2**64 - 1, 3, (512, 768), True)
    history.add_image(row, Path("/elsewhere/b.png"), "text", 1, 2, (8, 8), False)
    assert row is not None
    moved = History(database, tmp_path / "moved").images(row)
    assert [image.path for image in moved] == [tmp_path / "moved/outputs/a.png", Path("/elsewhere/b.png")]
    first = moved[0]
    assert (first.seed, first.subseed, first.width, first.height, first.grid) == (2**64 - 1, 3, 512, 768, True)
