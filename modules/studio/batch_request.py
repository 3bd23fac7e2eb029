"""A batch of img2img as a frozen request: what to do with each picture, and where the pictures are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modules.engine.request import Img2Img, Picture
from modules.foundation.lenient import Text

Property = Literal["Prompt", "Negative prompt", "Seed", "CFG scale", "Sampler", "Steps", "Model hash"]


class Batch(Img2Img):
    """Every picture of a folder, or else of `init_images`, by itself. The other fields are those of one picture.

    Folders are of the machine the studio runs on.
    """

    kind: Literal["img2img-batch"] = "img2img-batch"  # type: ignore[assignment]
    init_images: tuple[Picture, ...] = Field((), max_length=10_000)
    names: tuple[Text, ...] = Field((), max_length=10_000, description="names of the files of init_images")
    input_dir: Text = ""
    output_dir: Text = Field("", description="results get their pictures' names there; empty is the usual folder")
    inpaint_mask_dir: Text = Field("", description="one mask for all, or one with each picture's name")
    scale_by: float | None = Field(None, ge=0.05, le=16, description="size by each picture's own")
    use_png_info: bool = Field(False, description="take parameters from the pictures' infotexts")
    png_info_dir: Text = Field("", description="files of the pictures' names to read infotexts from instead")
    png_info_props: tuple[Property, ...] = Field((), description="which; prompts are appended, others replace")
