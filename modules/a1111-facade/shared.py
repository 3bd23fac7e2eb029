"""A1111's globals: settings, flags, the running job's state, the model in memory, lists of what there is."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from modules import _state, paths
from modules._anchor import anchor, running
from modules.engine.high_res import LATENT_MODES
from modules.foundation.errors import NotFound

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules.foundation.settings import Snapshot


class Opts:
    """Settings by A1111's keys: those of the running job on its thread, else the user's.

    Assigning to one inside a job holds for the rest of that run of the engine; elsewhere use `set`.
    """

    def __getattr__(self, name: str) -> Any:
        values = self.data
        if name not in values:
            raise AttributeError(f"There is no setting named '{name}'.")
        return values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        run = running.get()
        if run is None:
            self.set(name, value)
        else:
            run.settings = run.settings.overridden({name: value})

    @property
    def data(self) -> dict[str, Any]:
        return _snapshot().values()

    @property
    def data_labels(self) -> dict[str, Any]:
        """What is known of every setting, by key."""
        return {key: about for key, (_, about) in anchor.studio.settings.declared().items()}

    def set(self, key: str, value: Any, is_api: bool = False, run_callbacks: bool = True) -> bool:
        """Change a setting of the user's and write it down. False if there is none of that name."""
        try:
            anchor.studio.settings.update({key: value})
        except NotFound:
            return False
        return True

    def get_default(self, key: str) -> Any:
        """A setting's default; None if there is none of that name."""
        found = anchor.studio.settings.declared().get(key)
        return found[0].model_fields[key].default if found else None


class Interrogator:
    """What tells in words what a picture shows."""

    def interrogate(self, pil_image: Image) -> str:
        """A caption. Raises NotFound, with the path where they belong, without the model's files."""
        return anchor.studio.describer.caption(pil_image, _snapshot())


class Scaler:
    """What enlarges a picture, by the name of one of the studio's upscalers."""

    def __init__(self, name: str) -> None:
        self.name = name

    def upscale(self, img: Image, scale: float, selected_model: str | None = None) -> Image:
        """`img` made `scale` times as large, its sides cut down to multiples of 8."""
        run = running.get()
        if run is None:
            return anchor.studio.upscalers.upscale(self.name, img, scale, _snapshot())
        run.job.phase("Upscaling")
        return run.studio.upscalers.upscale(self.name, img, scale, run.settings, cancel=run.job.cancel.check)


@dataclass(frozen=True, slots=True)
class UpscalerData:
    """An upscaler as A1111 lists it."""

    name: str
    scaler: Scaler
    data_path: str | None = None


interrogator = Interrogator()
opts = Opts()
state = _state.State()


def __getattr__(name: str) -> Any:
    studio = anchor.studio
    if name == "cmd_opts":
        return Namespace(
            **{entry.name: getattr(studio.flags, entry.name) for entry in fields(studio.flags)},
            **vars(anchor.host.flags or Namespace()),
        )
    if name == "sd_upscalers":
        return [UpscalerData(upscaler, Scaler(upscaler)) for upscaler in studio.upscalers.names()]
    if name == "latent_upscale_modes":
        return {mode.name: {"mode": mode.mode, "antialias": mode.antialias} for mode in LATENT_MODES}
    if name == "prompt_styles":
        return Namespace(styles=dict(studio.styles.known()))
    if name == "sd_model":
        from modules import sd_models

        return sd_models.SdModel(studio.models.current)
    if name in ("device",):
        from modules import devices

        return devices.device
    if name in ("script_path", "data_path", "models_path", "extensions_dir"):
        return getattr(paths, name)
    raise AttributeError(f"module 'modules.shared' has no attribute '{name}'")


def _snapshot() -> Snapshot:
    run = running.get()
    return run.settings if run is not None else anchor.studio.settings.snapshot
