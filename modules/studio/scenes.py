"""What a person painted on the canvas, as the picture and the mask a request starts from.

The page names pictures and layers that `studio.inputs` keeps; here they are laid over one another, and what comes
out is kept the same way. Start with `composed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Final, Literal

from PIL import Image, ImageChops
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from modules.foundation.errors import UserError
from modules.store.inputs import NAME
from modules.studio import inputs
from modules.vision import masks
from modules.vision.extend import Margins, extended
from modules.vision.opening import flattened, opened

if TYPE_CHECKING:
    from modules.studio.context import Studio

Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
Mode = Literal["img2img", "sketch", "inpaint", "inpaint_sketch", "inpaint_upload", "batch"]
MODES: Final[tuple[Mode, ...]] = ("img2img", "sketch", "inpaint", "inpaint_sketch", "inpaint_upload", "batch")
"""In the order of A1111's tabs."""
LARGEST: Final = 8192
"""Pixels of a side, extended or not."""
OVERLAP: Final = 2
"""Times the mask's blur: how far beyond the edge the picture is painted anew where it is extended, so that the
blurred mask fades inside the picture and leaves no seam."""


class Kept(BaseModel):
    """A picture by its name; its size in pixels as the page showed it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Name
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class Frame(BaseModel):
    """What is generated, in pixels of the picture; it begins at negative numbers where the picture is extended."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    x: int = Field(le=0, ge=-LARGEST)
    y: int = Field(le=0, ge=-LARGEST)
    width: int = Field(ge=1, le=LARGEST)
    height: int = Field(ge=1, le=LARGEST)


class Scene(BaseModel):
    """The canvas when Generate was pressed. Layers are as large as the frame; `error` is why there is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    mode: Mode = "img2img"
    picture: Kept | None = None
    mask: Name | None = None
    color: Name | None = None
    frame: Frame | None = None
    fill: str = Field("mirror", pattern="^(mirror|edge|noise|#[0-9a-fA-F]{6})$")
    uploaded_mask: Kept | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """What a request starts from: names of kept pictures, and the picture's size in pixels."""

    picture: str
    mask: str | None
    size: tuple[int, int]


def composed(
    studio: Studio, scene: Scene, *, transparency: float, blur: int, inverted: bool, background: str
) -> Composed:
    """The picture and the mask of a scene.

    `transparency` of the mask in percent and `blur` in pixels count as in A1111's inpaint sketch; `inverted`: what is
    not masked is to be painted. Colours are seen over `background` where the picture is transparent. Raises
    UserError for a scene that says nothing to do.
    """
    if scene.error:
        raise UserError(scene.error)
    if scene.picture is None:
        raise UserError("There is no picture yet: drop one on the canvas, paste it, or choose a file.")
    if scene.mode == "inpaint_upload":
        return _uploaded(scene)
    if scene.mode in ("img2img", "sketch") and scene.color is None:
        return Composed(scene.picture.id, None, (scene.picture.width, scene.picture.height))
    return _painted(studio, scene, transparency=transparency, blur=blur, inverted=inverted, background=background)


def _uploaded(scene: Scene) -> Composed:
    assert scene.picture is not None
    if scene.uploaded_mask is None:
        raise UserError("There is no mask yet: drop a picture on the mask field; what is white in it is painted anew.")
    have, want = scene.uploaded_mask, scene.picture
    if (have.width, have.height) != (want.width, want.height):
        raise UserError(
            f"The mask is {have.width}x{have.height}, the picture {want.width}x{want.height}; use a mask of the "
            "picture's size."
        )
    return Composed(want.id, have.id, (want.width, want.height))


def _painted(
    studio: Studio, scene: Scene, *, transparency: float, blur: int, inverted: bool, background: str
) -> Composed:
    assert scene.picture is not None
    original = opened(studio.inputs.read(scene.picture.id))
    size = original.size
    frame = scene.frame or Frame(x=0, y=0, width=size[0], height=size[1])
    whole, new = _framed(original, frame, scene.fill, blur, background)
    colored = scene.mode in ("sketch", "inpaint_sketch") and scene.color is not None
    mask = _layer(studio, scene.mask, whole.size, "L") if scene.mode.startswith("inpaint") and scene.mask else None
    if colored:
        base = flattened(whole, background)
        sketch = base.convert("RGBA")
        sketch.alpha_composite(_layer(studio, scene.color, whole.size, "RGBA"))
        if scene.mode == "inpaint_sketch":
            whole, drawn = masks.sketched(sketch, base, transparency, blur)
            mask = ImageChops.lighter(mask, drawn) if mask else drawn
        else:
            whole = sketch.convert("RGB")
    if new is not None:
        mask = ImageChops.lighter(mask, new) if mask else new
    if scene.mode.startswith("inpaint") and mask is None and not inverted:
        raise UserError("Nothing is masked: paint over what is to change, or use img2img for the whole picture.")
    if scene.mode.startswith("inpaint") and mask is None:
        mask = Image.new("L", whole.size)
    if not colored and new is None:
        # Nothing was laid over anything: both go on as they were sent.
        sent = scene.mask if scene.mode.startswith("inpaint") and scene.mask else None
        return Composed(scene.picture.id, sent or (mask and _kept(studio, mask)), whole.size)
    return Composed(_kept(studio, whole), _kept(studio, mask) if mask else None, whole.size)


def _framed(
    picture: Image.Image, frame: Frame, fill: str, blur: int, background: str
) -> tuple[Image.Image, Image.Image | None]:
    """The picture with what the frame adds to it, and a mask of that; no mask if it adds nothing."""
    left, top = -frame.x, -frame.y
    right, bottom = frame.width - left - picture.width, frame.height - top - picture.height
    if right < 0 or bottom < 0:
        raise UserError("The frame is smaller than the picture; put it back around the picture and try again.")
    if not (left or top or right or bottom):
        return picture, None
    whole, mask = extended(flattened(picture, background), Margins(left, top, right, bottom), fill)
    # The mask reaches into the picture on the sides that are extended.
    reach = OVERLAP * blur
    inner = (
        left + (reach if left else 0),
        top + (reach if top else 0),
        left + picture.width - (reach if right else 0),
        top + picture.height - (reach if bottom else 0),
    )
    mask.paste(255, (0, 0, *mask.size))
    if inner[0] < inner[2] and inner[1] < inner[3]:
        mask.paste(0, inner)
    return whole, mask


def _layer(studio: Studio, name: str | None, size: tuple[int, int], mode: str) -> Image.Image:
    assert name is not None
    layer = opened(studio.inputs.read(name))
    if layer.size != size:
        raise UserError(
            f"What was painted is {layer.width}x{layer.height} and the picture {size[0]}x{size[1]}; paint it again."
        )
    return layer.convert(mode)


def _kept(studio: Studio, image: Image.Image) -> str:
    out = BytesIO()
    # Speed before size: the file is read once or twice and cleaned away.
    image.save(out, "PNG", compress_level=1)
    return inputs.keep(studio, out.getvalue())
