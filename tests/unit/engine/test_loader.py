"""Checkpoint files become models, or are refused with their name and the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from modules.engine.device import Compute
from modules.engine.loader import Loader
from modules.engine.model import ModelHandle, ModelRef
from modules.families import stable_diffusion
from modules.families.types import Recommended
from modules.foundation.errors import BadFile, OutOfMemory, UnsafeFile, UserError
from modules.sampling.types import Conditioning
from tests.tiny import write_checkpoint

CPU = torch.device("cpu")
FLOAT32 = Loader(Compute(CPU, torch.float32, torch.float32))
TOKENS = torch.tensor([[49406, 320, 1746, *[49407] * 74]])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("models"))


@pytest.fixture
def checkpoint(original: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    for end in (".safetensors", ".yaml"):
        (tmp_path / f"tiny{end}").write_bytes(original.with_suffix(end).read_bytes())
    return tmp_path / "tiny.safetensors"


def _ref(path: Path) -> ModelRef:
    return ModelRef(path.stem, path.name, path)


def _load(path: Path, loader: Loader = FLOAT32) -> ModelHandle:
    return loader.prepare(_ref(path)).load(lambda _text: None)


def _answer(model: ModelHandle) -> torch.Tensor:
    """Pixels that every part of the model had its share in."""
    with model.text.ready() as text:
        context = stable_diffusion.encode_tokens(text, TOKENS)
    x = torch.arange(256.0).reshape(1, 4, 8, 8).sin()
    with model.unet.ready() as unet:
        latent = stable_diffusion.predict(unet, x, torch.tensor([500.0]), Conditioning(context))
    with model.vae.ready() as vae:
        return stable_diffusion.decode(vae, latent)


def _spoil(path: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


def _edit(path: Path, pattern: str, replacement: str) -> None:
    yaml = path.with_suffix(".yaml")
    changed, count = re.subn(pattern, replacement, yaml.read_text())
    assert count
    yaml.write_text(changed)


def _refused(path: Path, reason: str, kind: type[UserError] = BadFile) -> None:
    with pytest.raises(kind, match=reason) as raised:
        FLOAT32.prepare(_ref(path))
    assert "tiny" in str(raised.value)


def test_a_checkpoint_with_reduced_widths(original: Path) -> None:
    model = _load(original)
    assert (model.family.name, model.device, model.dtype, model.vae_dtype) == ("sd1", CPU, torch.float32, torch.float32)
    assert model.parametrization.prediction == "epsilon"
    assert model.recommended == Recommended(64, 4, 3.0, "Euler a", "Automatic")
    pixels = _answer(model)
    assert pixels.shape == (1, 3, 64, 64)
    assert float(pixels.std()) > 0.01
    file = load_file(original)
    with model.unet.ready() as unet:
        assert torch.equal(unet.conv_in.weight, file["model.diffusion_model.input_blocks.0.0.weight"].float())
        assert unet.config["norm_num_groups"] == 4


def test_ckpt_and_safetensors_give_the_same_model(checkpoint: Path) -> None:
    expected = _answer(_load(checkpoint))
    pickled = checkpoint.with_suffix(".ckpt")
    torch.save({"state_dict": load_file(checkpoint), "global_step": 3}, pickled)
    assert torch.equal(_answer(_load(pickled)), expected)


def test_the_file_may_vanish_once_the_model_is_loaded(checkpoint: Path) -> None:
    model = _load(checkpoint)
    expected = _answer(model)
    checkpoint.write_bytes(b"")
    assert torch.equal(_answer(model), expected)


def test_types_are_the_loaders(checkpoint: Path) -> None:
    model = _load(checkpoint, Loader(Compute(CPU, torch.bfloat16, torch.float32)))
    assert (model.dtype, model.text.dtype, model.vae_dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)
    torch.testing.assert_close(_answer(model), _answer(_load(checkpoint)), atol=0.1, rtol=0)
    assert model.in_fp32("unet")
    assert not model.in_fp32("vae")
    assert model.dtype == torch.float32
    precise = FLOAT32.prepare(_ref(checkpoint), float32=True).load(lambda _text: None)
    assert precise.dtype == torch.float32


def test_velocity_prediction_is_read_from_the_yaml(checkpoint: Path) -> None:
    _edit(checkpoint, '"eps"', '"v"')
    assert _load(checkpoint).parametrization.prediction == "v_prediction"


def test_older_text_encoder_keys(checkpoint: Path) -> None:
    expected = _answer(_load(checkpoint))

    def shorten(weights: dict[str, torch.Tensor]) -> None:
        for key in [key for key in weights if ".text_model." in key]:
            weights[key.replace(".text_model.", ".")] = weights.pop(key)

    _spoil(checkpoint, shorten)
    assert torch.equal(_answer(_load(checkpoint)), expected)


def test_stable_diffusion_2_text_encoders_are_rearranged(checkpoint: Path) -> None:
    clip = _load(checkpoint)
    _spoil(checkpoint, _as_open_clip)
    _edit(checkpoint, "FrozenCLIPEmbedder", "FrozenOpenCLIPEmbedder")
    model = _load(checkpoint)
    assert model.family.name == "sd2"
    with model.text.ready() as text, clip.text.ready() as expected:
        assert text.config.hidden_act == "gelu"
        for name, value in expected.state_dict().items():
            assert torch.equal(text.state_dict()[name], value), name
    checkpoint.with_suffix(".yaml").unlink()
    _refused(checkpoint, "needs a yaml")


def _as_open_clip(weights: dict[str, torch.Tensor]) -> None:
    old, new = "cond_stage_model.transformer.text_model.", "cond_stage_model.model."
    for layer in range(2):
        place = f"{old}encoder.layers.{layer}."
        target = f"{new}transformer.resblocks.{layer}."
        for leaf in ("weight", "bias"):
            stacked = [weights.pop(f"{place}self_attn.{part}_proj.{leaf}") for part in "qkv"]
            weights[f"{target}attn.in_proj_{leaf}"] = torch.cat(stacked)
            for theirs, ours in (
                ("self_attn.out_proj", "attn.out_proj"), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"),
                ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
            ):  # fmt: skip
                weights[f"{target}{ours}.{leaf}"] = weights.pop(f"{place}{theirs}.{leaf}")
    weights[f"{new}positional_embedding"] = weights.pop(f"{old}embeddings.position_embedding.weight")
    weights[f"{new}token_embedding.weight"] = weights.pop(f"{old}embeddings.token_embedding.weight")
    for leaf in ("weight", "bias"):
        weights[f"{new}ln_final.{leaf}"] = weights.pop(f"{old}final_layer_norm.{leaf}")
    weights[f"{new}logit_scale"] = torch.ones(())
    weights[f"{new}text_projection"] = torch.ones(8, 8)


def test_a_separate_vae(checkpoint: Path, original: Path, tmp_path: Path) -> None:
    own = _load(checkpoint)
    weights = load_file(write_checkpoint(tmp_path / "other", seed=5))
    prefix = "first_stage_model."
    separate = tmp_path / "separate.safetensors"
    save_file({key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}, separate)
    prepared = FLOAT32.prepare(_ref(checkpoint), _ref(separate))
    model = prepared.load(lambda _text: None)
    assert model.vae_ref == _ref(separate)
    assert not torch.equal(_answer(model), _answer(own))
    exchanged = FLOAT32.prepare(_ref(checkpoint), _ref(separate)).load_vae(own, lambda _text: None)
    assert exchanged.unet is own.unet
    assert torch.equal(_answer(exchanged), _answer(model))


def test_a_vae_that_is_none(checkpoint: Path, tmp_path: Path) -> None:
    lora = tmp_path / "lora.safetensors"
    save_file({"lora_unet_x.lora_down.weight": torch.ones(2)}, lora)
    with pytest.raises(BadFile, match=r"lora\.safetensors holds no VAE"):
        FLOAT32.prepare(_ref(checkpoint), _ref(lora))


def test_a_checkpoint_without_its_vae_says_where_to_choose_one(checkpoint: Path) -> None:
    _spoil(checkpoint, lambda weights: [weights.pop(key) for key in list(weights) if key.startswith("first_stage")])
    _refused(checkpoint, "holds no VAE.*'SD VAE'")


def test_a_truncated_file(checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:500_000])
    _refused(checkpoint, "incomplete: 500,000 of")


def test_a_renamed_text_file(checkpoint: Path) -> None:
    checkpoint.write_text("This is not a model at all.\n" * 50)
    _refused(checkpoint, "text or web page")


def test_a_pickle_with_code(checkpoint: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("it ran",)

    torch.save({"state_dict": Runs()}, checkpoint.with_suffix(".ckpt"))
    _refused(checkpoint.with_suffix(".ckpt"), r"would run '\w+\.print'", UnsafeFile)


def test_a_lora_in_the_checkpoint_folder(checkpoint: Path) -> None:
    save_file({"lora_unet_mid_block.lora_down.weight": torch.ones(4, 8)}, checkpoint)
    _refused(checkpoint, "a LoRA; it belongs in models/Lora")


@pytest.mark.parametrize(("channels", "name"), [(4, ""), (8, "instruct-pix2pix"), (9, "inpainting")])
def test_models_that_see_more_than_the_latent_are_told_by_their_shape(tmp_path: Path, channels: int, name: str) -> None:
    variant = _load(write_checkpoint(tmp_path, in_channels=channels)).variant
    assert variant.name == name and 4 + variant.extra_channels(4) == channels


def test_a_kind_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    _refused(
        write_checkpoint(tmp_path, in_channels=5),
        "Stable Diffusion 1.x depth model, a kind that cannot",
        UserError,
    )


@pytest.mark.parametrize(
    ("pattern", "replacement", "reason"),
    [
        ("model_channels: 8", "model_channels: 320", r"tiny\.yaml does not fit.* 320, 640"),
        ("channel_mult: .*", "channel_mult: [1, 2, 4, 4]", "8, 16, 32, 32"),
        ("context_dim: 8", "context_dim: 768", "context_dim is 768"),
        ("hidden_size: 8", "hidden_size: 768", "hidden_size is 768"),
        ("ch: 8", "ch: 128", "ch times ch_mult is 128"),
        ("num_heads: 2", "num_heads: 3", "3 heads do not divide"),
        ("num_heads: 2", "num_heads: two", "num_heads' must be a number"),
        ('parameterization: "eps"', "parameterization: x", "'x'"),
        ("norm_num_groups: 4", "norm_num_groups: 32", "32 groups"),
        ("model:", "model: [", "cannot be read as yaml"),
        ("atelier:", "atelier:\n  preview: { weight: [[1, 2, 3]] }", "1 rows of colours"),
    ],
)
def test_a_yaml_that_does_not_fit(checkpoint: Path, pattern: str, replacement: str, reason: str) -> None:
    _edit(checkpoint, pattern, replacement)
    _refused(checkpoint, reason)


def test_no_yaml_where_one_is_needed(checkpoint: Path) -> None:
    checkpoint.with_suffix(".yaml").unlink()
    _refused(checkpoint, "a yaml beside the file")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("model.diffusion_model.middle_block.0.in_layers.2.weight", "The UNet is incomplete: 1 weights are missing"),
        ("cond_stage_model.transformer.text_model.final_layer_norm.bias", "The text encoder is incomplete"),
        ("first_stage_model.decoder.norm_out.weight", "The VAE is incomplete"),
    ],
)
def test_a_missing_weight_is_named(checkpoint: Path, key: str, reason: str) -> None:
    _spoil(checkpoint, lambda weights: weights.pop(key))
    _refused(checkpoint, reason)


def test_weights_of_wrong_shapes_and_weights_too_many(checkpoint: Path, original: Path) -> None:
    key = "model.diffusion_model.out.2.bias"
    _spoil(checkpoint, lambda weights: weights.update({key: torch.ones(7)}))
    _refused(checkpoint, r"'conv_out\.bias' is \(7,\) in the file, but \(4,\) are needed")
    checkpoint.write_bytes(original.read_bytes())
    _spoil(checkpoint, lambda weights: weights.update({"model.diffusion_model.strange.weight": torch.ones(7)}))
    _refused(checkpoint, "'strange.weight' has no place")


def test_a_full_memory_is_no_crash(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules.families import single_file

    def full(*_arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    prepared = FLOAT32.prepare(_ref(checkpoint))
    monkeypatch.setattr(single_file, "fill", full)
    with pytest.raises(OutOfMemory, match=r"not enough memory for tiny\.safetensors"):
        prepared.load(lambda _text: None)


def test_what_is_done_is_told(checkpoint: Path) -> None:
    told: list[str] = []
    FLOAT32.prepare(_ref(checkpoint)).load(told.append)
    assert told == ["Loading tiny.safetensors"]
