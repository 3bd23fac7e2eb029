"""Fields of a second, larger pass (A1111's "Hires. fix"), and its size. Torch-free; start with `HighRes`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from modules.foundation.errors import UserError
from modules.foundation.lenient import Int, Text
from modules.store.inputs import NAME

SMALLEST: Final = 16
LARGEST: Final = 8192
"""Pixels a side of the second pass's picture may have."""
STRENGTH: Final = 0.7
"""Denoising strength of those who leave it open, as on A1111's page; its API fails there."""
SAME_CHECKPOINT: Final = "Use same checkpoint"
SAME_SAMPLER: Final = "Use same sampler"
SAME_SCHEDULER: Final = "Use same scheduler"


@dataclass(frozen=True, slots=True)
class LatentMode:
    """How latents are interpolated; `mode` and `antialias` are those of torch's `interpolate`."""

    name: str
    mode: str
    antialias: bool = False


LATENT_MODES: Final = (
    LatentMode("Latent", "bilinear"),
    LatentMode("Latent (antialiased)", "bilinear", antialias=True),
    LatentMode("Latent (bicubic)", "bicubic"),
    LatentMode("Latent (bicubic antialiased)", "bicubic", antialias=True),
    LatentMode("Latent (nearest)", "nearest"),
    LatentMode("Latent (nearest-exact)", "nearest-exact"),
)


def _same(label: str) -> BeforeValidator:
    """The label in A1111's list, and null, mean that nothing else is asked for."""
    return BeforeValidator(lambda value: "" if value in (None, label) else value)


def _default(value: Any) -> BeforeValidator:
    return BeforeValidator(lambda given: value if given is None else given)


class HighRes(BaseModel):
    """Fields of the second pass, in A1111's API names. "" is what the first pass has."""

    enable_hr: bool = Field(False, description="a second, larger pass over the picture")
    denoising_strength: float | None = Field(None, ge=0, le=1, description=f"of the second pass; {STRENGTH} if open")
    firstphase_width: Int = Field(0, ge=0, le=LARGEST, description="older way: the first pass's size, and")
    firstphase_height: Int = Field(0, ge=0, le=LARGEST, description="width and height are the second's")
    hr_scale: float = Field(2.0, gt=0, le=64)
    hr_upscaler: Annotated[Text, _default("")] = Field("", description="a latent mode or an upscaler; Latent if open")
    hr_second_pass_steps: Int = Field(0, ge=0, le=1000, description="0 as many as in the first pass")
    hr_resize_x: Int = Field(0, ge=0, le=LARGEST, description="the size in place of hr_scale; one side may be 0")
    hr_resize_y: Int = Field(0, ge=0, le=LARGEST)
    hr_checkpoint_name: Annotated[Text, _same(SAME_CHECKPOINT)] = ""
    hr_sampler_name: Annotated[Text, _same(SAME_SAMPLER)] = ""
    hr_scheduler: Annotated[Text, _same(SAME_SCHEDULER)] = ""
    hr_prompt: Annotated[Text, _default(""), StringConstraints(max_length=100_000)] = ""
    hr_negative_prompt: Annotated[Text, _default(""), StringConstraints(max_length=100_000)] = ""
    hr_cfg: float | None = Field(None, ge=0, le=100, description="CFG scale of the second pass; 0 is the first's")
    firstpass_image: Annotated[Text, StringConstraints(pattern=f"^{NAME}$")] | None = Field(
        None, description="a picture in place of the first pass"
    )


@dataclass(frozen=True, slots=True)
class Target:
    """The picture is enlarged to width x height pixels; then `crop_x`, `crop_y` latent cells are cut off it."""

    width: int
    height: int
    crop_x: int = 0
    crop_y: int = 0

    @classmethod
    def of(cls, width: int, height: int, scale: float, resize_x: int, resize_y: int) -> Target:
        """A1111's rules: by a factor, by one side keeping the shape, or covering both sides and cropping.

        Raises UserError for a size out of range.
        """
        if not resize_x and not resize_y:
            found = cls(int(width * scale), int(height * scale))
        elif not resize_y or (resize_x and width / height < resize_x / resize_y):
            found = cls(resize_x, resize_x * height // width)
        else:
            found = cls(resize_y * width // height, resize_y)
        if resize_x and resize_y:
            found = replace(found, crop_x=(found.width - resize_x) // 8, crop_y=(found.height - resize_y) // 8)
        for side, name in ((found.width, "wide"), (found.height, "high")):
            if not SMALLEST <= side <= LARGEST:
                raise UserError(
                    f"The second pass would make {width}x{height} a picture {side} pixels {name}; it can be "
                    f"{SMALLEST} to {LARGEST}. Choose another 'Upscale by' or 'Resize' of Hires. fix."
                )
        return found

    @property
    def final(self) -> tuple[int, int]:
        """Width and height in pixels of what comes out."""
        return (self.width // 8 - self.crop_x) * 8, (self.height // 8 - self.crop_y) * 8
