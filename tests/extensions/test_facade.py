"""A1111's names answer with what the studio has, inside of a job and outside of one."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.extensions.conftest import Scripted


def test_paths(scripted: Scripted) -> None:
    from modules import paths, paths_internal, shared

    assert paths.data_path == paths_internal.data_path == shared.data_path == str(scripted.studio.paths.data)
    assert Path(paths.extensions_dir) == scripted.studio.paths.extensions
    assert not hasattr(paths, "nowhere")


def test_settings_are_read_and_written(scripted: Scripted) -> None:
    from modules import shared

    before = shared.opts.n_rows
    assert shared.opts.set("n_rows", 3)
    assert shared.opts.n_rows == shared.opts.data["n_rows"] == scripted.studio.settings.snapshot.values()["n_rows"] == 3
    shared.opts.n_rows = before
    assert shared.opts.n_rows == before
    assert not shared.opts.set("no_such_setting", 1) and not hasattr(shared.opts, "no_such_setting")
    assert shared.opts.get_default("n_rows") == -1 and shared.opts.data_labels["n_rows"].label


def test_state_without_a_job_is_idle(scripted: Scripted) -> None:
    from modules import shared

    assert not shared.state.interrupted and shared.state.job_count == 0 and shared.state.job == ""


def test_lists(scripted: Scripted) -> None:
    from modules import sd_models, sd_samplers, sd_schedulers, sd_vae, shared

    title = next(iter(sd_models.checkpoints_list))
    assert title.startswith("tiny.safetensors") and sd_models.checkpoint_tiles() == [title]
    found = sd_models.get_closet_checkpoint_match("tin")
    assert found is not None and found.title == title and sd_models.get_closet_checkpoint_match("nobody") is None
    assert sd_samplers.samplers_map["k_euler_a"] == "Euler a" and "Euler a" in sd_samplers.all_samplers_map
    assert sd_schedulers.schedulers_map["karras"] is sd_schedulers.schedulers_map["Karras"]
    assert sd_vae.vae_dict == {}
    assert [upscaler.name for upscaler in shared.sd_upscalers][:3] == ["None", "Lanczos", "Nearest"]
    assert "Latent (bicubic)" in shared.latent_upscale_modes
    assert shared.cmd_opts.data_dir == scripted.studio.paths.data


def test_old_and_new_name_of_the_infotext_module_are_one(scripted: Scripted) -> None:
    from modules import generation_parameters_copypaste as old
    from modules import infotext_utils as new

    assert sys.modules["modules.generation_parameters_copypaste"] is old is new
    text = "a cat\nSteps: 3, Sampler: Euler, CFG scale: 7, Seed: 4, Size: 64x64"
    found = new.parse_generation_parameters(text, ["Seed"])
    assert found["Steps"] == "3" and "Seed" not in found
    assert new.PasteField("control", "Label") == ("control", "Label")


def test_device_needs_torch_only_when_asked(scripted: Scripted) -> None:
    import torch

    from modules import devices

    assert devices.cpu == torch.device("cpu") and devices.device.type in ("cpu", "cuda", "mps")
    devices.torch_gc()


def test_pictures_are_made_in_jobs_only(scripted: Scripted) -> None:
    import pytest

    from modules import processing

    with pytest.raises(RuntimeError, match="inside a job only"):
        processing.process_images(processing.StableDiffusionProcessingTxt2Img(prompt="a cat"))
    with pytest.raises(TypeError, match="has no field 'nonsense'"):
        processing.StableDiffusionProcessingTxt2Img(nonsense=1)


def test_describing_without_its_files_says_where_they_belong(scripted: Scripted) -> None:
    import pytest
    from PIL import Image

    from modules import deepbooru, errors, shared

    picture = Image.new("RGB", (32, 32))
    with pytest.raises(errors.UserError, match="BLIP"):
        shared.interrogator.interrogate(picture)
    with pytest.raises(errors.UserError, match="deepdanbooru"):
        deepbooru.model.tag(picture)


def test_components_survive_being_copied_outside_of_a_page(scripted: Scripted) -> None:
    """Gradio makes a new one of the class, with the arguments of the first, whenever an update changes one."""
    import gradio as gr

    from modules.ui_components import InputAccordion, ToolButton
    from tests.api.serving import in_a_thread

    made: list[gr.Blocks] = []

    def build() -> None:
        with gr.Blocks() as blocks, InputAccordion(True, label="Part", elem_id="part"):
            ToolButton("x", elem_id="tool", visible=False)
        made.append(blocks)

    in_a_thread(build).join()
    known = {block.elem_id: block for block in made[0].blocks.values() if block.elem_id}
    for name, kind in (("part", InputAccordion), ("tool", ToolButton)):
        copy = kind(**known[name].constructor_args, render=False)
        assert copy.elem_id == name and copy.get_config()["elem_id"] == name
    assert known["tool"].get_config()["value"] == "x" and known["part"].get_config()["label"] == "Part"
    assert len(made[0].fns) == 1
