"""The .yaml beside a checkpoint: what the weights cannot tell, and what they must agree with.

`read` gives an OriginalConfig of the standard ldm structure with our extra keys: `norm_num_groups`
under `unet_config.params` and `ddconfig`, the text encoder's `hidden_size`, `num_hidden_layers`,
`num_attention_heads`, `intermediate_size` under `cond_stage_config.params`, and `atelier:` at the top.
`read_atelier` gives only what that last one recommends. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modules.families.types import Prediction, PreviewMap, Recommended
from modules.foundation.errors import BadFile

_PREDICTIONS: Mapping[str, Prediction] = {"eps": "epsilon", "epsilon": "epsilon", "v": "v_prediction"}
_LARGEST = 1 << 20
"""Bytes. A config has a few thousand; anything beyond is not one."""


@dataclass(frozen=True, slots=True)
class Section:
    """One mapping of the file, and where it stands in it, for messages."""

    path: Path
    place: str
    values: Mapping[str, Any]

    def section(self, name: str) -> Section:
        """The mapping under `name`, empty if there is none."""
        found = self.values.get(name)
        place = f"{self.place}.{name}" if self.place else name
        if found is not None and not isinstance(found, Mapping):
            raise BadFile(f"{self.path.name}: '{place}' must hold settings, not {found!r}.")
        return Section(self.path, place, found or {})

    def number(self, name: str) -> float | None:
        """A number above 0, None if the key is not there."""
        found = self.values.get(name)
        # YAML 1.1 reads 1e-4 as text.
        if isinstance(found, str):
            try:
                found = float(found)
            except ValueError:
                raise self._wrong(name, "a number") from None
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 1e9:
            raise self._wrong(name, "a number above 0")
        return float(found)

    def whole(self, name: str) -> int | None:
        """A whole number above 0. ldm writes -1 for "not set", which reads as None like an absent key."""
        if self.values.get(name) == -1:
            return None
        found = self.number(name)
        if found is None:
            return None
        if found != int(found):
            raise self._wrong(name, "a whole number")
        return int(found)

    def wholes(self, name: str) -> tuple[int, ...] | None:
        """A list of whole numbers above 0."""
        found = self.values.get(name)
        if found is None:
            return None
        if not isinstance(found, list) or not all(isinstance(value, int) and value > 0 for value in found):
            raise self._wrong(name, "a list of whole numbers above 0")
        return tuple(found)

    def text(self, name: str) -> str | None:
        """A string."""
        found = self.values.get(name)
        if found is None or isinstance(found, str):
            return found
        raise self._wrong(name, "text")

    def _wrong(self, name: str, expected: str) -> BadFile:
        return BadFile(f"{self.path.name}: '{self.place}.{name}' must be {expected}, not {self.values.get(name)!r}.")


@dataclass(frozen=True, slots=True)
class OriginalConfig:
    """A checkpoint's yaml. The three sections are kept as written; `dimensions` reads them."""

    path: Path
    unet: Section
    vae: Section
    text: Section
    prediction: Prediction
    scale_factor: float | None
    linear_start: float | None
    linear_end: float | None
    timesteps: int | None
    recommended: Recommended | None = None
    preview: PreviewMap | None = field(default=None, repr=False)


def beside(checkpoint: Path) -> Path | None:
    """The yaml of the same name as a checkpoint, None if there is none."""
    return next((path for end in (".yaml", ".yml") if (path := checkpoint.with_suffix(end)).is_file()), None)


def read(path: Path) -> OriginalConfig:
    """Read a checkpoint's yaml. Raises BadFile naming the key that is wrong."""
    top = Section(path, "", _loaded(path))
    params = top.section("model").section("params")
    if not params.values:
        raise BadFile(f"{path.name} does not describe a model: it has no 'model.params'. Mend it or move it away.")
    wording = params.text("parameterization") or "eps"
    if wording not in _PREDICTIONS:
        raise BadFile(f"{path.name}: 'model.params.parameterization' is '{wording}'; 'eps' and 'v' are known.")
    return OriginalConfig(
        path=path,
        unet=params.section("unet_config").section("params"),
        vae=params.section("first_stage_config").section("params").section("ddconfig"),
        text=params.section("cond_stage_config").section("params"),
        prediction=_PREDICTIONS[wording],
        scale_factor=params.number("scale_factor"),
        linear_start=params.number("linear_start"),
        linear_end=params.number("linear_end"),
        timesteps=params.whole("timesteps"),
        recommended=_recommended(top.section("atelier")),
        preview=_preview(top.section("atelier").section("preview")),
    )


def read_atelier(path: Path) -> Recommended | None:
    """What the yaml recommends, None if it says nothing. Raises BadFile as `read` does."""
    return _recommended(Section(path, "", _loaded(path)).section("atelier"))


def _loaded(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        if path.stat().st_size > _LARGEST:
            raise BadFile(f"{path.name} is far too large for a model's yaml. Mend it or move it away.")
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise BadFile(f"{path.name} cannot be read as yaml ({problem}). Mend it or move it away.") from None
    if not isinstance(found, Mapping):
        raise BadFile(f"{path.name} does not describe a model. Mend it or move it away.")
    return found


def _recommended(atelier: Section) -> Recommended | None:
    advice = atelier.section("recommended")
    found = Recommended(
        native_resolution=atelier.whole("native_resolution"),
        steps=advice.whole("steps"),
        cfg_scale=advice.number("cfg_scale"),
        sampler_name=advice.text("sampler_name"),
        scheduler=advice.text("scheduler"),
    )
    return None if found == Recommended() else found


def _preview(preview: Section) -> PreviewMap | None:
    if not preview.values:
        return None
    rows, bias = preview.values.get("weight"), preview.values.get("bias", [0.0, 0.0, 0.0])
    if not isinstance(rows, list) or not rows or not all(_is_color(row) for row in [*rows, bias]):
        raise BadFile(
            f"{preview.path.name}: '{preview.place}' needs rows of three numbers and a bias of three numbers."
        )
    return PreviewMap(tuple(_color(row) for row in rows), _color(bias))


def _is_color(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 3 and all(isinstance(value, int | float) for value in row)


def _color(row: list[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in row)
    return red, green, blue
