"""Which extensions there are, and the order of their files."""

from __future__ import annotations

from pathlib import Path

from modules.host.discovery import SHIPPED, discover, ordered


def extension(root: Path, name: str, metadata: str = "", *files: str) -> None:
    folder = root / name / "scripts"
    folder.mkdir(parents=True)
    for file in files or ("main.py",):
        (folder / file).write_text("", encoding="utf-8")
    if metadata:
        (root / name / "metadata.ini").write_text(metadata, encoding="utf-8")


def keys(root: Path, **options: object) -> list[str]:
    return [file.key for file in ordered(discover(root / "no shipped", root, **options), "scripts", ".py")]  # type: ignore[arg-type]


def test_by_name_and_file(tmp_path: Path) -> None:
    extension(tmp_path, "beta", "", "two.py", "one.py")
    extension(tmp_path, "alpha")
    (tmp_path / ".hidden" / "scripts").mkdir(parents=True)
    (tmp_path / "README.md").write_text("not a folder", encoding="utf-8")
    assert keys(tmp_path) == ["alpha/main.py", "beta/one.py", "beta/two.py"]


def test_metadata_move_files(tmp_path: Path) -> None:
    extension(tmp_path, "alpha", "[scripts]\nAfter = gamma")
    extension(tmp_path, "beta", "", "one.py", "two.py")
    extension(tmp_path, "gamma", "[scripts/main.py]\nBefore = beta/two.py, nobody")
    assert keys(tmp_path) == ["gamma/main.py", "alpha/main.py", "beta/one.py", "beta/two.py"]


def test_circles_and_first_alternatives(tmp_path: Path) -> None:
    extension(tmp_path, "alpha", "[scripts]\nAfter = nobody|gamma beta")
    extension(tmp_path, "beta", "[scripts]\nAfter = alpha")
    extension(tmp_path, "gamma")
    assert sorted(keys(tmp_path)) == ["alpha/main.py", "beta/main.py", "gamma/main.py"]
    assert keys(tmp_path).index("gamma/main.py") < keys(tmp_path).index("alpha/main.py")


def test_one_name_once_and_broken_metadata(tmp_path: Path) -> None:
    extension(tmp_path, "alpha", "[Extension]\nName = Same")
    extension(tmp_path, "beta", "[Extension]\nName = same")
    extension(tmp_path, "gamma", "this is no ini file")
    assert [found.name for found in discover(tmp_path / "none", tmp_path)] == ["alpha", "gamma"]


def test_switching_off(tmp_path: Path) -> None:
    shipped, users = tmp_path / "program", tmp_path / "data"
    extension(shipped, SHIPPED[0])
    extension(shipped, "put-there-by-hand")
    extension(users, "alpha")

    def on(**options: object) -> list[str]:
        return [found.name for found in discover(shipped, users, **options) if found.enabled]  # type: ignore[arg-type]

    assert on() == [SHIPPED[0], "put-there-by-hand", "alpha"]
    assert on(disabled=["ALPHA"]) == [SHIPPED[0], "put-there-by-hand"]
    assert on(switched_off="extra") == [SHIPPED[0]]
    assert on(switched_off="all") == []
