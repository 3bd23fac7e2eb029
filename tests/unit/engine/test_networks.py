"""From tags in prompts to networks on the model, in whole runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from modules.boot import assemble
from modules.engine.plan import Made
from modules.engine.request import Txt2Img
from modules.foundation.flags import parse
from modules.studio.context import Studio
from tests.runs import Watcher, made
from tests.tiny import write_checkpoint

TO_K = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
FC1 = "lora_te_text_model_encoder_layers_0_mlp_fc1"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    data = tmp_path_factory.mktemp("data")
    write_checkpoint(data / "models" / "Stable-diffusion")
    for folder in ("models/Lora", "models/hypernetworks", "embeddings"):
        (data / folder).mkdir(parents=True)
    drawn = torch.Generator().manual_seed(2)
    for name, alias in (("one", "alias-of-one"), ("two", "two")):
        tensors = {
            f"{module}.lora_{side}.weight": torch.randn(shape, generator=drawn) * 0.7
            for module, out in ((TO_K, 16), (FC1, 16))
            for side, shape in (("up", (out, 4)), ("down", (4, 8)))
        }
        save_file(tensors, data / f"models/Lora/{name}.safetensors", metadata={"ss_output_name": alias})
    with_word = {**tensors, "bundle_emb.yuiop.string_to_param.*": torch.randn(2, 8, generator=drawn)}
    save_file(with_word, data / "models/Lora/bundle.safetensors")
    wide = {f"{TO_K}.lora_up.weight": torch.ones(16, 2), f"{TO_K}.lora_down.weight": torch.ones(2, 768)}
    save_file(wide, data / "models/Lora/sd15.safetensors")
    state = {
        f"linear.{n}.{leaf}": torch.randn(shape, generator=drawn)
        for n, leaf, shape in ((0, "weight", (16, 8)), (0, "bias", (16,)), (1, "weight", (8, 16)), (1, "bias", (8,)))
    }
    torch.save({8: (state, state)}, data / "models/hypernetworks/hyper.pt")
    save_file({"emb_params": torch.randn(2, 8, generator=drawn)}, data / "embeddings/zxcvb.safetensors")
    save_file({"emb_params": torch.randn(2, 768, generator=drawn)}, data / "embeddings/qwert.safetensors")
    studio = assemble(parse(["--data-dir", str(data)]))
    yield studio
    studio.history.close()


def picture(studio: Studio, prompt: str, comments: list[str] | None = None, **fields: Any) -> Made:
    values = {"prompt": prompt, "seed": 5, "steps": 2, "width": 64, "height": 64, "sampler_name": "Euler", **fields}
    watcher = Watcher()
    [found, *_] = made(studio, Txt2Img(**values), watcher)
    if comments is not None:
        comments += watcher.comments
    return found


def same(one: Made, other: Made) -> bool:
    return np.array_equal(np.asarray(one.image), np.asarray(other.image))


def labels(found: Made) -> str:
    return found.infotext.rpartition("\n")[2]


def test_a_lora_changes_the_picture_and_leaves_no_trace(studio: Studio) -> None:
    plain = picture(studio, "a cat")
    comments: list[str] = []
    changed = picture(studio, "a cat<lora:one:1>", comments)
    assert not same(plain, changed)
    assert changed.infotext.startswith("a cat<lora:one:1>\n")
    assert 'Lora hashes: "one: ' in labels(changed)
    assert comments == []
    again = picture(studio, "a cat")
    assert same(plain, again)
    assert "Lora hashes" not in labels(again)


def test_weights_in_every_spelling(studio: Studio) -> None:
    assert same(picture(studio, "a<lora:one:0.5>"), picture(studio, "a<lora:alias-of-one:te=0.5:unet=0.5>"))
    assert same(picture(studio, "a<lora:one:0.5:0.25>"), picture(studio, "a<lyco:one:9:te=0.5:unet=0.25>"))
    assert same(picture(studio, "a<lora:one:1:1:2>"), picture(studio, "a<lora:one:dyn=2>"))
    assert not same(picture(studio, "a<lora:one:1:1:2>"), picture(studio, "a<lora:one>"))
    assert same(picture(studio, "a<lora:one:0>"), picture(studio, "a"))
    assert not same(picture(studio, "a<lora:one:1:0>"), picture(studio, "a<lora:one:0:1>"))
    assert same(picture(studio, "a<lora:one:1:lbw=NONE>"), picture(studio, "a"))


def test_a_lora_named_twice_counts_twice_with_its_last_weight(studio: Studio) -> None:
    assert same(picture(studio, "a<lora:one:5><lora:one:0.5>"), picture(studio, "a<lora:one:0.5><lora:one:0.5>"))
    assert not same(picture(studio, "a<lora:one:0.5><lora:one:0.5>"), picture(studio, "a<lora:one:0.5>"))


def test_several_loras(studio: Studio) -> None:
    both = picture(studio, "a<lora:one:0.5><lora:two:0.5>")
    assert not same(both, picture(studio, "a<lora:one:0.5>"))
    assert "one: " in labels(both) and "two: " in labels(both)


def test_the_negative_prompt_has_no_networks(studio: Studio) -> None:
    named = picture(studio, "a", negative_prompt="b<lora:one:1>")
    assert "Lora hashes" not in labels(named)
    assert not same(named, picture(studio, "a", negative_prompt="b")), "the tag is text"


@pytest.mark.parametrize(
    ("prompt", "comment"),
    [
        ("a<lora:nobody:1><lora:nothing:1>", "Lora not found: nobody, nothing"),
        ("a<hypernet:nobody>", "Hypernetwork not found: nobody"),
        ("a<lora:one:much>", "<lora:one:much> cannot be read: its weights must be numbers"),
        ("a<hypernet:hyper:much>", "<hypernet:hyper:much> cannot be read"),
        ("a<lora:one:1:lbw=1,2>", "'lbw=1,2' is neither one of"),
        ("a<LoRA:one:1>", "There is no such kind of network, so it was left out: <LoRA:one:1>."),
        ("a<lora:sd15:1>", "The network 'sd15' was left out: it was made for Stable Diffusion 1.x; its shapes"),
    ],
)
def test_what_cannot_be_applied_is_told_and_the_run_goes_on(studio: Studio, prompt: str, comment: str) -> None:
    comments: list[str] = []
    found = picture(studio, prompt, comments)
    assert same(found, picture(studio, "a"))
    assert len(comments) == 1
    assert comments[0].startswith(comment)
    assert "Lora hashes" not in labels(found)


def test_one_weight_that_is_no_number_and_no_lora_counts(studio: Studio) -> None:
    assert same(picture(studio, "a<lora:two:1><lora:one:x>"), picture(studio, "a"))


def test_networks_of_the_settings_are_added_to_prompts(studio: Studio) -> None:
    settings = {"sd_hypernetwork": "hyper", "sd_lora": "one", "extra_networks_default_multiplier": 0.5}
    found = picture(studio, "a", override_settings=settings)
    assert found.infotext.startswith("a<hypernet:hyper:0.5><lora:one:0.5>\n")
    assert same(found, picture(studio, "a<hypernet:hyper:0.5><lora:one:0.5>"))
    named = picture(studio, "a<lora:one:1>", override_settings={"sd_lora": "one"})
    assert named.infotext.startswith("a<lora:one:1>\n")
    assert same(picture(studio, "a", override_settings={"sd_lora": "gone"}), picture(studio, "a"))


def test_hypernetworks_are_chained(studio: Studio) -> None:
    once, twice = picture(studio, "a<hypernet:hyper:1>"), picture(studio, "a<hypernet:hyper:1><hypernet:hyper:1>")
    assert not same(once, picture(studio, "a"))
    assert not same(once, twice)
    assert same(once, picture(studio, "a<hypernet:hyper>"))


def test_networks_can_be_disabled(studio: Studio) -> None:
    found = picture(studio, "a<lora:one:1>", disable_extra_networks=True, override_settings={"sd_lora": "two"})
    assert found.infotext.startswith("a<lora:one:1>\n")
    assert same(found, picture(studio, "a"))


def test_a_word_stands_for_its_vectors(studio: Studio) -> None:
    found = picture(studio, "a Zxcvb", negative_prompt="zxcvb")
    assert not same(found, picture(studio, "a", negative_prompt="zxcvb"))
    assert 'TI hashes: "zxcvb: ' in labels(found)
    assert "TI hashes" not in labels(picture(studio, "a"))
    quiet = {"textual_inversion_add_hashes_to_infotext": False}
    assert "TI hashes" not in labels(picture(studio, "zxcvb", override_settings=quiet))


def test_a_word_that_came_with_a_lora_is_one_while_it_is_used(studio: Studio) -> None:
    found = picture(studio, "a yuiop<lora:bundle:0>")
    assert 'TI hashes: "bundle: ' in labels(found)
    plain = picture(studio, "a yuiop<lora:two:0>")
    assert not same(found, plain)
    assert "TI hashes" not in labels(plain)


def test_a_word_of_another_model_is_text_and_told_of(studio: Studio) -> None:
    comments: list[str] = []
    found = picture(studio, "a qwert", comments)
    assert comments == ["An embedding was left out: 'qwert' was made for text 768 wide, this model's is 8."]
    assert "TI hashes" not in labels(found)


def test_hashes_can_be_left_out(studio: Studio) -> None:
    found = picture(studio, "a<lora:one:1>", override_settings={"lora_add_hashes_to_infotext": False})
    assert "Lora hashes" not in labels(found)


def test_what_was_encoded_with_a_lora_is_not_used_without(studio: Studio) -> None:
    """The text encoder differs, so the same words mean something else."""
    plain = picture(studio, "a dog")
    assert not same(picture(studio, "a dog<lora:one:3:0>"), plain)
    assert same(picture(studio, "a dog"), plain)


def test_files_in_new_places_are_found_at_once(studio: Studio, tmp_path: Path) -> None:
    folder = studio.paths.folder("Lora")
    late = folder / "late.safetensors"
    late.write_bytes((folder / "two.safetensors").read_bytes())
    try:
        assert same(picture(studio, "a<lora:late:1>"), picture(studio, "a<lora:two:1>"))
    finally:
        late.unlink()
        studio.catalog.refresh()
