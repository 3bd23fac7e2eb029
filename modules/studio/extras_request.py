"""What the Extras tab can ask for, in A1111's API names. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from modules.foundation.lenient import Int, Text
from modules.store.inputs import NAME

Share = Annotated[float, Field(ge=0, le=1)]
Multiple = Annotated[Int, Field(ge=64, le=2048)]
OPERATIONS = (
    "Upscale",
    "GFPGAN",
    "CodeFormer",
    "Split oversized images",
    "Auto focal point crop",
    "Auto-sized crop",
    "Create flipped copies",
    "Caption",
)
"""In A1111's order; the settings name them so."""


class Source(BaseModel):
    """A picture that was handed over: what it was called, and the name under which its file is kept."""

    model_config = ConfigDict(frozen=True)

    name: Text = ""
    data: str = Field(pattern=NAME)


class Extras(BaseModel):
    """Pictures to work on, and every operation with its values. Operations of no effect are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["extras"] = "extras"
    images: tuple[Source, ...] = ()
    input_dir: Text = Field("", description="work on every picture in this folder instead")
    output_dir: Text = Field("", description="where results of a folder go, else where the settings say")
    show_extras_results: bool = True
    save_output: bool = True

    upscale_enabled: bool = True
    resize_mode: Int = Field(0, ge=0, le=1, description="0 by factor, 1 to a size")
    upscaling_resize: float = Field(2.0, gt=0, le=100)
    max_side_length: Int = Field(0, ge=0)
    upscaling_resize_w: Int = Field(512, ge=1)
    upscaling_resize_h: Int = Field(512, ge=1)
    upscaling_crop: bool = True
    upscaler_1: Text = "None"
    upscaler_2: Text = "None"
    extras_upscaler_2_visibility: Share = 0

    gfpgan_visibility: Share = 0
    codeformer_visibility: Share = 0
    codeformer_weight: Share = Field(0, description="0 changes a face most, 1 least")

    split_oversized: bool = False
    split_threshold: Share = 0.5
    overlap_ratio: float = Field(0.2, ge=0, le=0.9)

    focal_crop: bool = False
    focal_crop_face_weight: Share = 0.9
    focal_crop_entropy_weight: Share = 0.15
    focal_crop_edges_weight: Share = 0.5
    focal_crop_debug: bool = False

    multicrop: bool = False
    multicrop_mindim: Multiple = 384
    multicrop_maxdim: Multiple = 768
    multicrop_minarea: Int = Field(64 * 64, ge=64 * 64)
    multicrop_maxarea: Int = Field(640 * 640, ge=64 * 64)
    multicrop_objective: Literal["Maximize area", "Minimize error"] = "Maximize area"
    multicrop_threshold: Share = 0.1

    flip: bool = False
    flip_horizontal: bool = True
    flip_vertical: bool = False
    flip_both: bool = False

    caption: bool = False
    caption_deepbooru: bool = True
    caption_blip: bool = False
