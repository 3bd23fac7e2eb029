"""What a picture shows, as values: the truth that captions are worded from and that the checker is tested on."""

from dataclasses import dataclass

from starter.draw.palette import Rgb

BACKDROPS = ("plain", "gradient", "stripes", "dots", "clutter", "split", "scene")
PATTERNS = ("gradient", "stripes", "dots")
SCENES = ("sky", "grass", "sea", "snow", "desert", "city", "forest")
TIMES = ("day", "night", "sunset")
WEATHER: dict[str, tuple[str, ...]] = {
    "day": ("sun", "clouds", "rain"),
    "night": ("moon", "stars", "rain"),
    "sunset": ("sun", "clouds"),
}
"""What the sky can show at each time of day, besides nothing."""
STYLES = ("pixel art", "line drawing", "watercolor", "oil painting", "pastel", "blueprint", "silhouette")
"""Besides the flat drawing, which has no name in a record."""
FAULTS = ("blurry", "noisy", "low quality")
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
    """`relation` places the first of two things against the second; `position` and `size` are a single one's.

    `background` is the colour's name, or the scene's where the backdrop is one, which then has a `time` and sometimes a
    `weather`. A pattern of two named colours has a `second` one, and the first covers `share` (0..1) of the picture.
    `style` is empty for a flat drawing, `fault` for one that is not spoiled.
    """

    backdrop: str
    background: str
    background_rgb: Rgb
    second_rgb: Rgb
    things: tuple[Thing, ...]
    relation: str = ""
    position: str = ""
    size: str = ""
    seed: int = 0
    second: str = ""
    share: float = 0.5
    time: str = ""
    weather: str = ""
    style: str = ""
    fault: str = ""

    @property
    def scene(self) -> str:
        """The scene's name, or nothing."""
        return self.background if self.backdrop == "scene" else ""
