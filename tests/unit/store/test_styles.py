"""styles.csv is read as A1111's, in all its forms, and written so that nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.foundation.errors import BadFile, NotFound, UserError
from modules.store.styles import Styles

BOM = "\ufeff".encode()


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_a1111s_form(tmp_path: Path) -> None:
    file = written(
        tmp_path / "styles.csv",
        '\ufeffname,prompt,negative_prompt\r\noil,"oil, {prompt}",photo\r\n'
        '# a remark,x,y\r\n,nameless,\r\n\r\nplain, "a ""quoted"" word"\r\n',
    )
    assert [(s.name, s.prompt, s.negative_prompt) for s in Styles([file]).all()] == [
        ("oil", "oil, {prompt}", "photo"),
        ("plain", 'a "quoted" word', ""),
    ]


def test_the_old_form(tmp_path: Path) -> None:
    file = written(tmp_path / "styles.csv", "name,text\nold,words\n")
    (style,) = Styles([file]).all()
    assert (style.prompt, style.negative_prompt) == ("words", "")
    styles = Styles([file])
    styles.save("new", "a", "b")
    assert file.read_bytes() == BOM + b"name,prompt,negative_prompt\r\nold,words,\r\nnew,a,b\r\n"


def test_several_files_have_dividers_and_the_later_of_two_counts(tmp_path: Path) -> None:
    one = written(tmp_path / "styles.csv", "name,prompt,negative_prompt\nsame,first,\nonly,here,\n")
    two = written(tmp_path / "more.csv", "name,prompt,negative_prompt\nsame,second,\n")
    styles = Styles([one, two])
    names = [style.name for style in styles.all()]
    assert names[0] == "---------------- STYLES ----------------"
    assert names[1:3] == ["same", "only"]
    assert names[3] == " MORE ".center(40, "-")
    assert styles.known()["same"].prompt == "second"
    assert set(styles.known()) == {"same", "only"}


def test_patterns(tmp_path: Path) -> None:
    written(tmp_path / "b.csv", "name,prompt\nb,2\n")
    written(tmp_path / "a.csv", "name,prompt\na,1\n")
    styles = Styles([tmp_path / "*.csv"])
    assert list(styles.known()) == ["a", "b"]
    assert styles.default_file == tmp_path / "a.csv"
    assert Styles([tmp_path / "none*.csv"]).default_file == tmp_path / "styles.csv"


def test_a_missing_file_is_made_with_the_first_style(tmp_path: Path) -> None:
    file = tmp_path / "styles.csv"
    styles = Styles([file])
    assert styles.all() == ()
    styles.save(" oil ", "a\nb", 'say "x", y')
    assert file.read_bytes() == BOM + b'name,prompt,negative_prompt\r\noil,"a\nb","say ""x"", y"\r\n'
    assert not (tmp_path / "styles.csv.bak").exists()
    assert Styles([file]).known()["oil"].prompt == "a\nb"


def test_saving_keeps_what_else_is_in_the_file_and_a_backup(tmp_path: Path) -> None:
    before = "name,prompt,negative_prompt,mine\n#remark,,,\noil,old,,7\n"
    file = written(tmp_path / "styles.csv", before)
    Styles([file]).save("oil", "new", "bad")
    assert file.read_bytes() == BOM + b"name,prompt,negative_prompt,mine\r\n#remark,,,\r\noil,new,bad,7\r\n"
    assert (tmp_path / "styles.csv.bak").read_text() == before


def test_a_style_stays_in_its_file(tmp_path: Path) -> None:
    one = written(tmp_path / "one.csv", "name,prompt,negative_prompt\na,1,\n")
    two = written(tmp_path / "two.csv", "name,prompt,negative_prompt\nb,2,\n")
    styles = Styles([one, two])
    styles.save("b", "3", "")
    styles.save("c", "4", "")
    assert one.read_bytes() == BOM + b"name,prompt,negative_prompt\r\na,1,\r\nc,4,\r\n"
    assert two.read_bytes() == BOM + b"name,prompt,negative_prompt\r\nb,3,\r\n"


def test_a_deleted_style_does_not_come_back_from_another_file(tmp_path: Path) -> None:
    files = [written(tmp_path / name, "name,prompt\nsame,1\nother,2\n") for name in ("one.csv", "two.csv")]
    styles = Styles(files)
    styles.delete("same")
    assert list(styles.known()) == ["other"]
    assert all(b"same" not in file.read_bytes() for file in files)
    with pytest.raises(NotFound, match="same"):
        styles.delete("same")


def test_an_editors_changes_are_seen(tmp_path: Path) -> None:
    file = written(tmp_path / "styles.csv", "name,prompt\na,1\n")
    styles = Styles([file])
    assert list(styles.known()) == ["a"]
    written(file, "name,prompt\na,1\nlater,22\n")
    assert list(styles.known()) == ["a", "later"]


@pytest.mark.parametrize("name", ["", "  ", "#x", "a\nb", "a\0"])
def test_names_that_could_not_be_read_again(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be called"):
        Styles([tmp_path / "styles.csv"]).save(name, "a", "b")
    assert not (tmp_path / "styles.csv").exists()


@pytest.mark.parametrize("data", [b"\xff\xfe\x00bad", b"foo,bar\n1,2\n"])
def test_a_file_that_cannot_be_read_is_left_alone(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "styles.csv"
    file.write_bytes(data)
    styles = Styles([file])
    assert styles.all() == ()
    with pytest.raises(BadFile, match=r"styles\.csv"):
        styles.save("a", "b", "")
    assert file.read_bytes() == data
