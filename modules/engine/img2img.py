"""From a prepared painting to the latents a run starts from, and from what it made back into the picture.

`beginning` is asked once a request, `Finish` once a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional

from modules.engine import soft_inpainting
from modules.engine.concat import of_pixels
from modules.engine.latents import encode, to_pixels
from modules.engine.options import Img2ImgOptions
from modules.engine.painting import Painting, hash_of, rounds, scale
from modules.engine.plan import Beside, Made
from modules.engine.request import Img2Img, Request
from modules.engine.start import Start
from modules.foundation.errors import UserError
from modules.sampling.noise import ImageNoise
from modules.sampling.options import NoiseOptions
from modules.store.options import SavingOptions
from modules.vision import colour, masks

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from modules.engine.model import ModelHandle
    from modules.engine.run import RunContext

LATENT_NOISE: Final = 2
LATENT_NOTHING: Final = 3


def filled_batch(request: Img2Img) -> Img2Img:
    """The same request with a batch as large as its pictures are many; one picture serves any batch.

    Raises UserError for more pictures than the batch has room for.
    """
    count, size = len(request.init_images), request.batch_size
    if count > size:
        raise UserError(
            f"bad number of images passed: {count}; expecting {size} or less. A batch takes one picture for all "
            "its images or one for each: make the batch as large as there are pictures, or send fewer."
        )
    return request if count == 1 else request.model_copy(update={"batch_size": count})


def beginning(
    painting: Painting, request: Img2Img, handle: ModelHandle, seeds: Sequence[int], run: RunContext
) -> Start:
    """What every batch of the request starts from; `seeds` are those of the first, which A1111 uses for all."""
    options = run.settings[Img2ImgOptions]
    images = painting.images * (len(seeds) if len(painting.images) == 1 else 1)
    side = handle.latent_format.downscale
    size = request.height // 8 * 8 // side, request.width // 8 * 8 // side
    latent = torch.cat([_encoded(handle, image, seed, size, run) for image, seed in zip(images, seeds, strict=True)])
    mask = _latent_mask(painting, request, size, handle)
    if mask is not None and request.inpainting_fill == LATENT_NOISE:
        source = run.settings[NoiseOptions].randn_source
        latent = latent * (1 - mask) + ImageNoise(seeds, tuple(latent.shape[1:]), handle.device, source).first() * mask
    elif mask is not None and request.inpainting_fill == LATENT_NOTHING:
        latent = latent * (1 - mask)
    multiplier = request.initial_noise_multiplier
    return Start(
        latent,
        request.denoising_strength,
        exact_steps=options.img2img_fix_steps,
        noise_multiplier=options.initial_noise_multiplier if multiplier is None else multiplier,
        extra_noise=options.img2img_extra_noise,
        concat=_concat(painting, request, handle, len(seeds), size, run),
        mask=mask,
        soft=request.soft_inpainting,
        image_cfg_scale=image_cfg_scale(request, handle),
    )


def image_cfg_scale(request: Img2Img, handle: ModelHandle) -> float | None:
    """The picture's own scale of guidance; None for models that are not guided by pictures."""
    return request.image_cfg_scale if handle.variant.sees_latent and not handle.variant.sees_mask else None


def told(painting: Painting, request: Img2Img, handle: ModelHandle, start: Start) -> dict[str, object]:
    """What infotexts tell of the pictures a run started from, in A1111's order."""
    return {
        "Image CFG scale": image_cfg_scale(request, handle),
        **painting.told,
        "Noise multiplier": start.noise_multiplier if start.noise_multiplier != 1 else None,
        "Extra noise": start.extra_noise if start.extra_noise > 0 else None,
    }


@dataclass(frozen=True, slots=True)
class Finish:
    """Puts the results of one batch back into the pictures they came from."""

    painting: Painting
    overlays: tuple[Image.Image, ...]
    masks: tuple[Image.Image, ...]
    run: RunContext

    @classmethod
    def of(cls, painting: Painting, request: Img2Img, start: Start, latents: Tensor, run: RunContext) -> Finish:
        if painting.shown_mask is None:
            return cls(painting, (), (), run)
        shown = _for_each(painting.shown, len(latents))
        over = [painting.shown_mask] * len(shown)
        if request.soft_inpainting is not None and start.latent is not None and start.mask is not None:
            size = request.width // 8 * 8, request.height // 8 * 8
            original = start.latent[: len(latents)]
            over = soft_inpainting.change_masks(original, latents, start.mask, size, request.soft_inpainting)
            if painting.place is not None:
                over = [masks.uncropped(mask, painting.shown_mask.size, painting.place) for mask in over]
        overlays: tuple[Image.Image, ...] = ()
        if run.settings[Img2ImgOptions].overlay_inpaint:
            overlays = tuple(masks.overlay(image, mask) for image, mask in zip(shown, over, strict=True))
        return cls(painting, overlays, tuple(over), run)

    def __call__(self, made: Made) -> Made:
        """The picture with its colours corrected if that is wanted, and put where it belongs."""
        settings, image = self.run.settings, made.image
        beside: list[Beside] = list(made.beside)
        if settings[SavingOptions].save_init_img and made.index == made.plan.batch_index == 0:
            beside += [Beside(source, name=hash_of(source)) for source in self.painting.sources]
        if settings[Img2ImgOptions].img2img_color_correction:
            if settings[SavingOptions].save_images_before_color_correction:
                beside.append(Beside(self._put_back(image, made.index)[0], "-before-color-correction", saved=True))
            like = _for_each(self.painting.images, made.index + 1)[made.index]
            image = colour.corrected(image, like)
        image, alone = self._put_back(image, made.index)
        if self.masks:
            beside += self._masks_beside(self.masks[made.index], image, alone)
        return replace(made, image=image, beside=tuple(beside))

    def _put_back(self, image: Image.Image, index: int) -> tuple[Image.Image, Image.Image]:
        """The picture in the one it came from, and alone."""
        if not self.overlays:
            return image, image
        return masks.composited(image, self.overlays[index], self.painting.place, scale(self.run))

    def _masks_beside(self, mask: Image.Image, image: Image.Image, alone: Image.Image) -> list[Beside]:
        shown, saved = self.run.settings[Img2ImgOptions], self.run.settings[SavingOptions]
        found: list[Beside] = []
        if shown.return_mask or saved.save_mask:
            found.append(Beside(mask.convert("RGB"), "-mask", shown=shown.return_mask, saved=saved.save_mask))
        if shown.return_mask_composite or saved.save_mask_composite:
            composite = masks.masked_alone(alone, mask)
            found.append(
                Beside(
                    composite,
                    "-mask-composite",
                    shown=shown.return_mask_composite,
                    saved=saved.save_mask_composite,
                )
            )
        return found


def finish(
    painting: Painting | None, request: Request, start: Start, latents: Tensor, run: RunContext
) -> Callable[[Made], Made]:
    """What is done with each picture of the batch whose latents [B, C, h, w] these are; nothing without a painting."""
    if painting is None or not isinstance(request, Img2Img):
        return _as_it_is
    return Finish.of(painting, request, start, latents, run)


def _as_it_is(made: Made) -> Made:
    return made


def _encoded(handle: ModelHandle, image: Image.Image, seed: int, size: tuple[int, int], run: RunContext) -> Tensor:
    """[1, C, h, w]; a picture of another size keeps it, and its latent is resized."""
    latent = encode(handle, to_pixels([image]), run, [seed])
    return latent if latent.shape[-2:] == size else functional.interpolate(latent, size=size, mode="bilinear")


def _latent_mask(painting: Painting, request: Img2Img, size: tuple[int, int], handle: ModelHandle) -> Tensor | None:
    """[1, 1, h, w], 1 where the latent is made anew."""
    if painting.latent_mask is None:
        return None
    h, w = size
    levels = masks.on_latent(painting.latent_mask, w, h, rounded=rounds(request))
    return torch.from_numpy(levels).to(handle.device)[None, None]


def _concat(
    painting: Painting, request: Img2Img, handle: ModelHandle, count: int, size: tuple[int, int], run: RunContext
) -> Tensor | None:
    if not handle.variant.sees_latent:
        return None
    found = [_concat_of(painting, request, image, handle, size, run) for image in painting.images]
    return torch.cat(found * (count if len(found) == 1 else 1))


def _concat_of(
    painting: Painting,
    request: Img2Img,
    image: Image.Image,
    handle: ModelHandle,
    size: tuple[int, int],
    run: RunContext,
) -> Tensor:
    mask = None
    if painting.mask is not None:
        levels = np.asarray(masks.scaled(painting.mask, image.size), dtype=np.float32) / 255
        mask = torch.from_numpy(np.around(levels) if rounds(request) else levels)[None, None]
    found = of_pixels(handle, to_pixels([image]), mask, size, run)
    assert found is not None
    return found


def _for_each(images: tuple[Image.Image, ...], count: int) -> tuple[Image.Image, ...]:
    """One picture for each of `count`."""
    return images * count if len(images) == 1 else images[:count]
