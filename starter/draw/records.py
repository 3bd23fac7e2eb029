"""What a picture shows, as values: the truth that captions are worded from and that the checker is tested on."""

from dataclasses import dataclass

from starter.draw.palette import Rgb

BACKDROPS = ("plain", "gradient", "stripes", "dots", "clutter")
RELATIONS = ("left of", "right of", "above", "below")
POSITIONS = ("left", "right", "top", "bottom", "center")
SIZES = ("small", "large")


@dataclass(frozen=True, slots=True)
class Thing:
    """One shape or object. Centre `x`, `y` (downwards) and `radius` are in picture widths; `rgb` is jittered."""

    kind: str
    color: str
    rgb: Rgb
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Picture:
    """`relation` places the first of two things against the second; `position` and `size` are a single one's."""

    backdrop: str
    background: str
    background_rgb: Rgb
    second_rgb: Rgb
    things: tuple[Thing, ...]
    relation: str = ""
    position: str = ""
    size: str = ""
    seed: int = 0
