"""Captions, ranked phrases and tags, from tiny models of random weights in the true layout of their folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
)

from modules.foundation.errors import BadFile, NotFound
from modules.foundation.settings import Snapshot
from modules.vision.describe import Describer
from modules.vision.options import InterrogateOptions
from modules.vision.ranking import lists_in, with_flavors
from modules.vision.tags import spelled

PICTURE = Image.radial_gradient("L").convert("RGB")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]", "a", "red", "cat", "on", "snow"]
SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


def settings(**values: Any) -> Snapshot:
    return Snapshot(MappingProxyType({InterrogateOptions: InterrogateOptions.model_validate(values)}))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    _blip(root / "BLIP")
    _clip(root / "CLIP")
    _tagger(root / "torch_deepdanbooru")
    (root / "interrogate").mkdir()
    (root / "interrogate" / "artists.txt").write_text("by a\nby b\n\nby c\n")
    (root / "interrogate" / "flavors.top3.txt").write_text("\n".join("abcdefgh"))
    yield root


def _blip(folder: Path) -> None:
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    text = {**SMALL, "vocab_size": len(WORDS), "max_position_embeddings": 64, "projection_dim": 16}
    special = {"bos_token_id": 5, "sep_token_id": 3, "eos_token_id": 3, "pad_token_id": 0}
    config = BlipConfig(
        text_config={**text, **special, "encoder_hidden_size": 16},
        vision_config={**SMALL, "image_size": 32, "patch_size": 16},
        projection_dim=16,
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)


def _clip(folder: Path) -> None:
    folder.mkdir()
    letters = [chr(number) for number in range(33, 127)]
    vocabulary = {
        token: n
        for n, token in enumerate(
            [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
        )
    }
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    last = len(vocabulary) - 1
    marks = {"bos_token_id": last - 1, "eos_token_id": last, "pad_token_id": last}
    text = {**SMALL, **marks, "vocab_size": len(vocabulary)}
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    config = CLIPConfig(
        text_config={**text, "max_position_embeddings": 20},
        vision_config={**SMALL, "image_size": 32, "patch_size": 16},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)


def _tagger(folder: Path) -> None:
    folder.mkdir()
    tags = ["general", "1girl", "long_hair", "smile_(happy)"]
    rows = [f"{n},{tag},{9 if n == 0 else 0},1" for n, tag in enumerate(tags)]
    (folder / "selected_tags.csv").write_text("\n".join(["tag_id,name,category,count", *rows]))
    arguments = {"img_size": 32, "patch_size": 16, "embed_dim": 16, "depth": 1, "num_heads": 2}
    config = {
        "architecture": "vit_tiny_patch16_224",
        "model_args": arguments,
        "pretrained_cfg": {"input_size": [3, 32, 32], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    }
    (folder / "config.json").write_text(json.dumps(config))
    network = timm.create_model("vit_tiny_patch16_224", num_classes=len(tags), **arguments)
    save_file(network.state_dict(), folder / "model.safetensors")


def test_a_caption_is_of_the_length_asked_for(models: Path) -> None:
    describer = Describer(lambda name: models / name)
    few = settings(interrogate_clip_min_length=4, interrogate_clip_max_length=6)
    words = describer.caption(PICTURE, few, flavors=False).split()
    assert 1 <= len(words) <= 6
    assert set(words) <= set(WORDS)


def test_phrases_follow_the_caption(models: Path) -> None:
    describer = Describer(lambda name: models / name)
    short = {"interrogate_clip_min_length": 1, "interrogate_clip_max_length": 4}
    plain = describer.caption(PICTURE, settings(**short), flavors=False)
    whole = describer.caption(PICTURE, settings(**short, interrogate_clip_dict_limit=2))
    phrases = whole.removeprefix(f"{plain}, ").split(", ")
    assert len(phrases) == 3 and phrases[0] in ("by a", "by b") and set(phrases[1:]) == {"a", "b"}
    fewer = describer.caption(PICTURE, settings(**short, interrogate_clip_skip_categories=["flavors.top3"]))
    assert fewer.removeprefix(f"{plain}, ") in ("by a", "by b", "by c")
    assert describer.categories() == ["artists", "flavors.top3"]


def test_lists_are_cut_and_say_how_many_count(models: Path) -> None:
    artists, flavors = lists_in(models / "interrogate", 0)
    assert (artists.top, artists.phrases) == (1, ("by a", "by b", "by c"))
    assert (flavors.top, len(flavors.phrases)) == (3, 8)
    assert with_flavors("a cat", [("by a", 51.0)], ranks=True) == "a cat, (by a:0.510)"


def test_tags_are_scored_and_ratings_left_out(models: Path) -> None:
    describer = Describer(lambda name: models / name)
    every = settings(interrogate_deepbooru_score_threshold=0.0)
    assert describer.tags(PICTURE, every) == "1girl, long hair, smile \\(happy\\)"
    ranked = settings(interrogate_deepbooru_score_threshold=0.0, interrogate_return_ranks=True, deepbooru_escape=False)
    assert all(0 < float(tag.rsplit(":", 1)[1][:-1]) < 1 for tag in describer.tags(PICTURE, ranked).split(", "))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "b tag, c \\(d\\)"),
        ({"deepbooru_sort_alpha": False}, "c \\(d\\), b tag"),
        ({"deepbooru_use_spaces": False, "deepbooru_escape": False}, "b_tag, c_(d)"),
        ({"deepbooru_filter_tags": "b tag, other"}, "c \\(d\\)"),
        ({"interrogate_return_ranks": True}, "(b tag:0.600), (c \\(d\\):0.900)"),
        ({"interrogate_deepbooru_score_threshold": 0.7}, "c \\(d\\)"),
    ],
)
def test_tags_are_spelled_as_the_settings_want(values: dict[str, Any], expected: str) -> None:
    assert spelled({"c_(d)": 0.9, "a": 0.1, "b_tag": 0.6}, InterrogateOptions.model_validate(values)) == expected


def test_what_is_missing_or_something_else_is_said(tmp_path: Path) -> None:
    describer = Describer(lambda name: tmp_path / name)
    with pytest.raises(NotFound, match=r"blip-image-captioning-base into .*BLIP"):
        describer.caption(PICTURE, settings())
    with pytest.raises(NotFound, match=r"WD tagger .* into .*torch_deepdanbooru"):
        describer.tags(PICTURE, settings())
    for name in ("BLIP", "torch_deepdanbooru"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(BadFile, match="holds no BLIP model"):
        describer.caption(PICTURE, settings())
    with pytest.raises(BadFile, match="holds no WD tagger"):
        describer.tags(PICTURE, settings())
