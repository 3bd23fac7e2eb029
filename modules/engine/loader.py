"""A checkpoint file -> ModelHandle, in two steps: `Loader.prepare` finds everything that can be wrong
with a file before any memory is taken, `Prepared.load` reads the weights.

Files are read tensor by tensor into networks that take no memory before, so loading needs the model's
own size and one tensor more.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from modules.engine.device import Compute
from modules.engine.model import ModelHandle, ModelRef
from modules.engine.placement import OnCpu, Placed, Policy, Resident
from modules.families import catalog, original_config, single_file
from modules.families.dimensions import Shapes, facts, text_dimensions, unet_dimensions, vae_dimensions
from modules.families.original_config import OriginalConfig
from modules.families.types import Family, LatentFormat, Part, Variant
from modules.foundation.errors import BadFile, OutOfMemory, UserError
from modules.sampling.parametrization import Parametrization, discrete, scaled_linear
from modules.weights import layouts
from modules.weights.reader import TensorFile, opened
from modules.weights.recognise import Recognised, is_vae, recognise

Phase = Callable[[str], None]
Names = Mapping[str, tuple[str, ...]]
"""Key in the file -> the parameters it holds: one, or several stacked along the first axis."""

_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """An empty network, the file its weights are in, and under which keys."""

    path: Path
    names: Names
    network: nn.Module

    def check(self, file: TensorFile, name: str) -> None:
        """Raise BadFile unless the file has every weight the network needs, in the right shape."""
        single_file.check(self.network, _shapes(file, self.names), name)

    def tensors(self, file: TensorFile) -> Iterator[tuple[str, Tensor]]:
        """Every weight by its parameter's name."""
        for key, names in self.names.items():
            for name, tensor in zip(names, file.tensor(key).chunk(len(names)), strict=True):
                yield name, layouts.fitted(name, tensor)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A checkpoint found to be whole, its networks still empty. It can be loaded once."""

    ref: ModelRef
    vae_ref: ModelRef | None
    family: Family
    variant: Variant
    yaml: OriginalConfig | None
    latent_format: LatentFormat
    compute: Compute
    unet: Source
    text: Source
    vae: Source

    def load(self, phase: Phase) -> ModelHandle:
        """Read the weights. Raises BadFile if the file changed meanwhile, OutOfMemory if there is no room."""
        phase(f"Loading {self.ref.path.name}")
        return ModelHandle(
            ref=self.ref,
            family=self.family,
            text=self._filled("text", self.text, self.compute.dtype),
            unet=self._filled("unet", self.unet, self.compute.dtype),
            vae=self._filled("vae", self.vae, self.compute.vae_dtype),
            parametrization=self._parametrization(),
            latent_format=self.latent_format,
            recommended=self.yaml.recommended if self.yaml else None,
            vae_ref=self.vae_ref,
            variant=self.variant,
            text_width=self.text.network.get_parameter("embeddings.token_embedding.weight").shape[1],
        )

    def load_vae(self, loaded: ModelHandle, phase: Phase) -> ModelHandle:
        """A model loaded from the same checkpoint, with this VAE; everything else is shared."""
        phase(f"Loading {self.vae.path.name}")
        vae = self._filled("vae", self.vae, self.compute.vae_dtype)
        return replace(loaded, vae=vae, vae_ref=self.vae_ref)

    def _filled(self, part: Part, source: Source, dtype: torch.dtype) -> Placed:
        device = self.compute.device
        policy: Policy = OnCpu() if device.type == "cpu" else Resident(device)
        with _memory(self.ref, device), opened(source.path) as file, _naming(source.path):
            single_file.fill(source.network, source.tensors(file), policy.home, dtype)
        return Placed(part, source.network, device, dtype, policy)

    def _parametrization(self) -> Parametrization:
        known = facts(self.family)["schedule"]
        said = self.yaml
        table = scaled_linear(
            (said and said.linear_start) or known["linear_start"],
            (said and said.linear_end) or known["linear_end"],
            (said and said.timesteps) or known["timesteps"],
        )
        return discrete(table, said.prediction if said else "epsilon")


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads models onto one device."""

    compute: Compute

    def prepare(self, ref: ModelRef, vae_ref: ModelRef | None = None, *, float32: bool = False) -> Prepared:
        """Check a checkpoint, its yaml and a separate VAE, without reading weights.

        Raises BadFile or UnsafeFile with the file's name and what is wrong with it, UserError for a
        kind of model that cannot be run.
        """
        with opened(ref.path) as file, _naming(ref.path):
            family, variant, yaml = _identified(ref, file)
            unet, text = _unet(file, family, yaml), _text_encoder(file, family, yaml)
        vae, latent_format = _vae(vae_ref or ref, family, yaml)
        with _naming(ref.path):
            _check_fit(unet, text, latent_format, variant)
        compute = self.compute.in_float32() if float32 else self.compute
        return Prepared(ref, vae_ref, family, variant, yaml, latent_format, compute, unet, text, vae)

    def free(self) -> None:
        """Give memory of models that are no longer used back to the system."""
        gc.collect()
        if self.compute.device.type != "cpu":
            getattr(torch, self.compute.device.type).empty_cache()


def _identified(ref: ModelRef, file: TensorFile) -> tuple[Family, Variant, OriginalConfig | None]:
    kind = recognise(file.shapes)
    family, variant = _family(ref, kind)
    path = original_config.beside(ref.path)
    if path is None and family.name == "sd2":
        raise BadFile(
            f"{ref.path.name} is {kind.about}. It needs a yaml of the same name that says whether it predicts noise "
            "or velocity: copy the one that came with the model beside it."
        )
    return family, variant, original_config.read(path) if path else None


def _family(ref: ModelRef, kind: Recognised) -> tuple[Family, Variant]:
    name = ref.path.name
    if not kind.family:
        raise BadFile(f"{name} is {kind.about}. Choose another checkpoint.")
    family, variant = catalog.find(kind.family), catalog.find_variant(kind.variant)
    if family is None or variant is None:
        raise UserError(f"{name} is {kind.about}, a kind that cannot be run yet. Choose another checkpoint.")
    return family, variant


def _unet(file: TensorFile, family: Family, yaml: OriginalConfig | None) -> Source:
    names = _named(file, layouts.UNET_PREFIX, layouts.unet_names)
    sizes = unet_dimensions(_shapes(file, names), facts(family)["unet"], yaml.unet if yaml else None)
    source = Source(file.path, names, single_file.unet(sizes))
    source.check(file, "UNet")
    return source


def _text_encoder(file: TensorFile, family: Family, yaml: OriginalConfig | None) -> Source:
    if family.name == "sd2":
        prefix = layouts.OPEN_CLIP_PREFIX
        names = {prefix + key: found for key, found in layouts.open_clip_names(_keys(file, prefix)).items()}
    else:
        names = _named(file, layouts.CLIP_PREFIX, layouts.text_names)
    sizes = text_dimensions(_shapes(file, names), facts(family)["text"], yaml.text if yaml else None)
    source = Source(file.path, names, single_file.text_encoder(sizes, penultimate=not family.has_clip_skip))
    source.check(file, "text encoder")
    return source


def _vae(ref: ModelRef, family: Family, yaml: OriginalConfig | None) -> tuple[Source, LatentFormat]:
    """The VAE of a checkpoint or of a file of its own."""
    with opened(ref.path) as file, _naming(ref.path):
        if not is_vae(file.shapes):
            raise BadFile(f"{ref.path.name} holds no VAE. Choose a file that does under 'SD VAE'.")
        prefixed = any(key.startswith(layouts.VAE_PREFIX) for key in file.shapes)
        return _vae_in(file, layouts.VAE_PREFIX if prefixed else "", family, yaml)


def _vae_in(file: TensorFile, prefix: str, family: Family, yaml: OriginalConfig | None) -> tuple[Source, LatentFormat]:
    known = facts(family)
    names = _named(file, prefix, layouts.vae_names)
    sizes = vae_dimensions(_shapes(file, names), known["vae"], yaml.vae if yaml else None)
    scale_factor = (yaml and yaml.scale_factor) or known["scale_factor"]
    source = Source(file.path, names, single_file.vae(sizes, scale_factor))
    source.check(file, "VAE")
    preview, channels = (yaml and yaml.preview) or catalog.SD_PREVIEW, sizes["latent_channels"]
    if len(preview.weight) != channels:
        raise BadFile(f"The preview has {len(preview.weight)} rows of colours, but latents have {channels} channels.")
    return source, LatentFormat(channels, 2 ** (len(sizes["block_out_channels"]) - 1), scale_factor, preview)


def _check_fit(unet: Source, text: Source, latent: LatentFormat, variant: Variant) -> None:
    """Raise BadFile unless the three parts can be used together."""
    context = unet.network.get_parameter("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight").shape[1]
    width = text.network.get_parameter("final_layer_norm.weight").shape[0]
    if context != width:
        raise BadFile(f"The UNet expects a context {context} wide, but the text encoder gives {width}.")
    inputs = unet.network.get_parameter("conv_in.weight").shape[1]
    if inputs != latent.channels + variant.extra_channels(latent.channels):
        raise BadFile(f"The UNet takes {inputs} input channels, but the VAE's latents have {latent.channels}.")


def _named(file: TensorFile, prefix: str, names: Callable[[list[str]], Mapping[str, str]]) -> Names:
    """A part's keys in the file, prefix included, each with the one parameter it holds."""
    return {prefix + key: (name,) for key, name in names(_keys(file, prefix)).items()}


def _keys(file: TensorFile, prefix: str) -> list[str]:
    return [key.removeprefix(prefix) for key in file.shapes if key.startswith(prefix)]


def _shapes(file: TensorFile, names: Names) -> Shapes:
    shapes: dict[str, tuple[int, ...]] = {}
    for key, found in names.items():
        first, *rest = file.shapes[key] or (1,)
        for name in found:
            shapes[name] = layouts.fitted_shape(name, (first // len(found), *rest))
    return shapes


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file's name in front of what is wrong with it, where it is not said already."""
    try:
        yield
    except BadFile as error:
        if path.stem in str(error):
            raise
        raise type(error)(f"{path.name}: {error}") from None


@contextmanager
def _memory(ref: ModelRef, device: torch.device) -> Iterator[None]:
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _NO_MEMORY.search(str(error)):
            raise
        place = "memory" if device.type == "cpu" else f"memory on {device}"
        raise OutOfMemory(
            f"There is not enough {place} for {ref.path.name}. Close other programs and try again."
        ) from None
