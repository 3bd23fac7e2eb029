"""Small extensions as strangers write them: what they may do, and that their errors stay theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from PIL import ImageOps

from tests.extensions.conftest import Scripted

Images = Callable[[httpx.Response], list[Any]]


def told(reply: httpx.Response) -> dict[str, Any]:
    return json.loads(reply.json()["info"])


def test_lists_and_describes_scripts(scripted: Scripted) -> None:
    names = scripted.client.get("/sdapi/v1/scripts").json()
    assert {"count down", "invert", "x/y/z plot", "prompt matrix"} <= set(names["txt2img"])
    assert "loopback" not in names["txt2img"] and "loopback" in names["img2img"]
    infos = scripted.client.get("/sdapi/v1/script-info").json()
    count_down = next(info for info in infos if info["name"] == "count down")
    assert count_down["args"] == [
        {"label": "Count", "value": 2, "minimum": 1, "maximum": 4, "step": 1, "choices": None},
        {"label": "Order", "value": 1, "minimum": None, "maximum": None, "step": None, "choices": ["up", "down"]},
    ]
    assert not count_down["is_alwayson"] and not count_down["is_img2img"]


def test_selected_script_takes_over(scripted: Scripted, images_of: Images) -> None:
    reply = scripted.post(script_name="COUNT DOWN", script_args=[3, 0])
    assert len(images_of(reply)) == 3
    assert [text.partition("Seed: ")[2].partition(",")[0] for text in told(reply)["infotexts"]] == ["5", "6", "7"]


def test_missing_arguments_are_the_controls_values(scripted: Scripted, images_of: Images) -> None:
    reply = scripted.post(script_name="count down")
    assert len(images_of(reply)) == 2
    assert "Seed: 4" in told(reply)["infotexts"][1]


def test_unknown_scripts_are_refused_before_anything_runs(scripted: Scripted) -> None:
    assert scripted.post(script_name="nobody's").json()["detail"] == "Script 'nobody's' not found"
    refused = scripted.post(alwayson_scripts={"count down": {"args": []}})
    assert refused.status_code == 422 and "always on" in refused.text
    assert scripted.post(alwayson_scripts={"nobody's": {}}).status_code == 422
    assert scripted.post(alwayson_scripts={"Refiner": {"args": []}}).status_code == 200


def test_always_on_script_changes_pictures_and_says_so(scripted: Scripted, images_of: Images) -> None:
    plain = images_of(scripted.post(batch_size=2))[0]
    reply = scripted.post(alwayson_scripts={"invert": {"args": [True]}}, batch_size=2)
    inverted = images_of(reply)
    assert ImageOps.invert(inverted[0]).tobytes() == plain.tobytes()
    infotext = told(reply)["infotexts"][0]
    assert "Inverted: True" in infotext and "First seed: 5" in infotext


def test_what_a_script_raises_is_told_and_skipped(scripted: Scripted, images_of: Images) -> None:
    reply = scripted.post(prompt="please fail")
    assert len(images_of(reply)) == 1
    job = scripted.studio.jobs.recent()[0]
    assert job.comments == ("Extension 'sample-raises' failed in process: ZeroDivisionError: as asked",)
    assert any(
        trouble.extension == "sample-raises" and "broken.py" in str(trouble) for trouble in scripted.host.troubles.all
    )


def test_selected_script_that_raises_fails_its_job_by_name(scripted: Scripted) -> None:
    reply = scripted.post(script_name="raises in run")
    assert reply.status_code >= 400
    assert "Extension 'sample-raises' failed in Raises in run: run: KeyError: 'nothing there'" in reply.text


def test_process_images_inner_may_be_replaced(scripted: Scripted) -> None:
    assert "Patched: yes" in told(scripted.post(prompt="twice"))["infotexts"][0]
    assert "Patched" not in told(scripted.post(prompt="once"))["infotexts"][0]


def test_files_for_the_page_are_served_and_nothing_else(scripted: Scripted) -> None:
    got = scripted.client.get("/extensions-atelier/sample-tab/javascript/sample.js")
    assert got.text.strip() == "window.sampleTab = true;"
    assert scripted.client.get("/extensions-atelier/sample-tab/style.css").status_code == 200
    for path in ("scripts/tab.py", "javascript/../scripts/tab.py", "javascript/%2e%2e/scripts/tab.py"):
        assert scripted.client.get(f"/extensions-atelier/sample-tab/{path}").status_code in (400, 404, 422)


def test_page_has_tabs_and_scripts_of_extensions(scripted: Scripted) -> None:
    import gradio as gr

    from modules.web import extension_files, page
    from tests.api.serving import in_a_thread

    built: list[gr.Blocks] = []
    in_a_thread(lambda: built.append(page.build(scripted.studio, scripted.host))).join()
    ids = {block.elem_id for block in built[0].blocks.values()}
    assert {"tab_sample_tab", "sample_tab_content", "txt2img_script_container", "script_list"} <= ids
    assert {"script_txt2img_count_down_count", "script_txt2img_xyz_plot_x_type"} <= ids
    tags = extension_files.head(scripted.host, "")
    assert "/extensions-atelier/sample-tab/javascript/sample.js" in tags and "style.css" in tags


def test_controls_make_arguments_and_back(scripted: Scripted) -> None:
    from modules.web.panels.script_slot import Slot
    from modules.web.registry import Registry

    slot = Slot(Registry(scripted.host), tuple(scripted.host.facts("txt2img")))
    shown = {
        "prompt": "a cat",
        "script_list": "Count down",
        "script/count down/0": 3,
        "script/count down/1": 0,
        "script/invert/0": True,
    }
    defaults = {
        f"script/{script.name}/{n}": argument.value
        for script in slot.scripts
        for n, argument in enumerate(script.arguments)
    }
    request = slot.gathered({**defaults, **shown})
    assert request["script_name"] == "Count down" and request["script_args"] == [3, 0]
    assert request["alwayson_scripts"] == {"Invert": {"args": [True]}}
    back = slot.spread(request)
    assert (
        back["script/count down/1"] == "up" and back["script_list"] == "Count down" and back["script/invert/0"] is True
    )


def test_infotext_sets_controls_of_scripts(scripted: Scripted) -> None:
    from modules.web.panels.script_slot import Slot
    from modules.web.registry import Registry

    slot = Slot(Registry(scripted.host), tuple(scripted.host.facts("txt2img")))
    labels = {"Steps": "99", "Script": "X/Y/Z plot", "X Type": "Steps", "X Values": "1, 2", "Inverted": "True"}
    found = slot.pasted("", labels)
    assert labels["Steps"] == "9"
    assert found["script_list"] == "X/Y/Z plot" and found["script/x/y/z plot/0"] == "Steps"
    assert found["script/x/y/z plot/1"] == "1, 2" and found["script/invert/0"] == "True"
