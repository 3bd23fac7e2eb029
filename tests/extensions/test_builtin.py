"""The shipped scripts of txt2img through the API; what needs A1111's numbers is in tests/golden."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from modules.jobs.job import Job
from tests.extensions.conftest import Scripted

Images = Callable[[httpx.Response], list[Any]]
NOTHING = [0, "", []]


def told(reply: httpx.Response) -> dict[str, Any]:
    return json.loads(reply.json()["info"])


def xyz(x: list[Any], y: list[Any] = NOTHING, z: list[Any] = NOTHING, **named: Any) -> dict[str, Any]:
    """The request's fields for a plot; `named` are the arguments after the axes."""
    rest = {"legend": False, "lone": False, "sub": False, "keep": False, "vx": False, "vy": False, "vz": False}
    rest |= {"margin": 0, "csv": False} | named
    return {"script_name": "x/y/z plot", "script_args": [*x, *y, *z, *rest.values()]}


def test_xyz_makes_a_grid_and_its_cells(scripted: Scripted, images_of: Images) -> None:
    reply = scripted.post(**xyz([4, "1-2", []], [1, "7, 8, 9", []], lone=True))
    images = images_of(reply)
    assert [image.size for image in images] == [(128, 192), *[(64, 64)] * 6]
    for number, cell in enumerate(images[1:]):
        x, y = number % 2 * 64, number // 2 * 64
        assert images[0].crop((x, y, x + 64, y + 64)).tobytes() == cell.tobytes()
    infotexts = told(reply)["infotexts"]
    assert all(
        part in infotexts[0] for part in ("Script: X/Y/Z plot", "X Type: Steps", "X Values: 1-2", 'Y Values: "7, 8, 9"')
    )
    assert [text.partition("Steps: ")[2][0] for text in infotexts[1:]] == ["1", "2"] * 3
    assert [text.partition("Seed: ")[2][0] for text in infotexts[1:]] == list("778899")


def test_xyz_cell_is_the_picture_of_its_values(scripted: Scripted, images_of: Images) -> None:
    cells = images_of(scripted.post(**xyz([7, "cat,dog", []], lone=True), prompt="a cat"))[1:]
    assert cells[1].tobytes() == images_of(scripted.post(prompt="a dog"))[0].tobytes()
    assert cells[0].tobytes() != cells[1].tobytes()


def test_xyz_draws_a_legend_and_grids_of_z(scripted: Scripted, images_of: Images) -> None:
    made = images_of(scripted.post(**xyz([4, "1,2", []], NOTHING, [1, "3,4", []], legend=True, sub=True)))
    whole, *parts = made
    assert len(parts) == 2 and parts[0].height > 64 and parts[0].width == 128
    assert whole.width == 256 and whole.height > parts[0].height


def test_xyz_varies_seeds(scripted: Scripted) -> None:
    reply = scripted.post(**xyz([4, "1,2", []], [6, "1,2", []], lone=True, vx=True, vy=True), seed=10)
    assert told(reply)["all_seeds"][-4:] == [10, 11, 12, 13]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([4, "many", []], "Steps: 'many' is neither a whole number nor a range"),
        ([4, "", []], "Steps: there are no values"),
        ([7, "dragon,cat", []], "did not find 'dragon'"),
        ([999, "1", []], "There is no axis number 999"),
        (["Sampler", "", ["Nobody"]], "There is no sampler 'Nobody'"),
        (["FP8 mode", "", ["Enable"]], "has no setting 'fp8_storage'"),
        ([4, "1-100000", []], "too many values"),
    ],
)
def test_xyz_says_what_is_wrong(scripted: Scripted, x: list[Any], words: str) -> None:
    reply = scripted.post(**xyz(x))
    assert reply.status_code >= 400 and words in reply.text


def test_xyz_goes_on_where_it_was(scripted: Scripted, images_of: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program was stopped: the same row is run anew, and finds what it had made, seeds drawn included."""
    from modules import _runner
    from modules.engine import generate

    reply = scripted.post(**xyz([4, "1,2,3", []], lone=True), seed=-1, save_images=True, force_task_id="task(resumed)")
    before = images_of(reply)
    first = scripted.studio.jobs.get("task(resumed)")
    assert first is not None and first.row is not None
    cells = [row for row in scripted.studio.history.images(first.row) if not row.grid]
    assert len(cells) == 3
    cells[1].path.unlink()

    made: list[int] = []
    engine = generate.generate
    monkeypatch.setattr(generate, "generate", lambda request, run: made.append(request.steps) or engine(request, run))
    again = Job(first.id, first.kind, first.request, queued_at=first.queued_at)
    again.row = first.row
    again.begin()
    result = _runner.run(again, scripted.studio)
    assert made == [2], "only the picture whose file is gone is made anew"
    assert [image.open().convert("RGB").tobytes() for image in result.images] == [image.tobytes() for image in before]


def test_xyz_writes_a_table_and_a_page(scripted: Scripted) -> None:
    asked = xyz([4, "1,2", []], lone=False) | {"save_images": True, "force_task_id": "task(exported)"}
    asked["script_args"].append(["CSV", "HTML"])
    assert scripted.post(**asked).status_code == 200
    job = scripted.studio.jobs.get("task(exported)")
    assert job is not None
    grid = job.outcome.images[0].path
    with grid.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["Steps", "Nothing", "Nothing", "seed", "prompt", "negative prompt", "file", "infotext"]
    assert [row[0] for row in rows[1:]] == ["Steps: 1", "Steps: 2"] and rows[1][6].startswith("../")
    page = grid.with_suffix(".html").read_text(encoding="utf-8")
    assert page.count("<img ") == 2 and "Steps: 1" in page and "../" in page


def test_prompt_matrix_joins_what_is_chosen(scripted: Scripted, images_of: Images) -> None:
    reply = scripted.post(script_name="prompt matrix", prompt="a cat|red, |big", script_args=[False, True])
    assert len(images_of(reply)) == 5
    assert told(reply)["all_prompts"][-4:] == ["a cat", "a cat, red", "a cat, big", "a cat, red, big"]
    assert told(reply)["all_seeds"][-4:] == [5, 6, 7, 8]


def test_prompts_from_lines_with_options(scripted: Scripted, images_of: Images) -> None:
    lines = 'a dog\n\n--prompt "a bird" in the sky --steps 2 --width 128 --seed 9\n--nonsense'
    reply = scripted.post(
        script_name="prompts from file or textbox", script_args=[True, False, "start", lines], prompt="art"
    )
    assert [image.size for image in images_of(reply)] == [(64, 64), (128, 64), (64, 64)]
    assert [text.split("\n")[0] for text in told(reply)["infotexts"]] == [
        "a dog art",
        "a bird in the sky art",
        "--nonsense art",
    ]
    assert [text.partition("Seed: ")[2][0] for text in told(reply)["infotexts"]] == ["5", "9", "7"]


def test_dynamic_prompt_is_the_seeds(scripted: Scripted) -> None:
    asked = {"prompt": "a {red|green|blue} __animal__ [x|y]", "seed": 7, "batch_size": 4}
    prompts = told(scripted.post(**asked))["all_prompts"]
    assert prompts == told(scripted.post(**asked))["all_prompts"]
    assert len(set(prompts)) > 1
    assert all(prompt.split()[1] in ("red", "green", "blue") for prompt in prompts)
    assert all(prompt.split()[2] in ("cat", "dog") and prompt.endswith("[x|y]") for prompt in prompts)


def test_dynamic_prompts_leave_other_prompts_alone(scripted: Scripted) -> None:
    prompt = "a {cat} in [a|b] __nowhere__ __../../config__"
    assert told(scripted.post(prompt=prompt))["all_prompts"] == [prompt]


def test_every_combination(scripted: Scripted) -> None:
    always = {"dynamic prompts": {"args": [True, True, 10]}}
    reply = scripted.post(prompt="{a|b} {x|y}", alwayson_scripts=always)
    assert told(reply)["all_prompts"] == ["a x", "a y", "b x", "b y"]
    assert "Template: {a|b} {x|y}" in told(reply)["infotexts"][0]
