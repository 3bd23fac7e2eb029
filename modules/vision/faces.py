"""Face restorers by name: CodeFormer and GFPGAN, run on every face that is found. Start with `FaceRestorers.restore`.

Nothing here imports torch; the first use does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from modules.foundation.errors import NotFound

if TYPE_CHECKING:
    from modules.vision.face_networks import FaceNetworks
    from modules.vision.upscaler_network import Device

NAMES = ("CodeFormer", "GFPGAN")
"""In A1111's order."""
FOLDERS = {"CodeFormer": "Codeformer", "GFPGAN": "GFPGAN"}
"""Their folders under `models/`."""
_FILES = {"CodeFormer": ("codeformer",), "GFPGAN": ("gfpgan", "restoreformer")}
_DETECTOR = ("detection_resnet50", "detection_mobilenet", "retinaface")
Box = tuple[int, int, int, int]


def never() -> None:
    """The check of those who cannot be stopped."""


class FaceRestorers:
    """What there is to restore faces with. `files` are the model files of a folder under `models/`, by its name."""

    def __init__(
        self,
        files: Callable[[str], Iterable[Path]] = lambda folder: (),
        folder: Callable[[str], Path] = Path,
        device: Callable[[str], Device] | None = None,
    ) -> None:
        """`folder` says where such a folder lies, for messages; `device` where a restorer of a name runs."""
        self._files = files
        self._folder = folder
        self._device = device
        self._lock = threading.Lock()
        self._loaded: dict[Path, FaceNetworks] = {}

    def folder(self, name: str) -> Path:
        """Where the restorer's files belong."""
        return self._folder(FOLDERS[name])

    def restore(self, name: str, image: Image.Image, weight: float, check: Callable[[], None] = never) -> Image.Image:
        """The picture with every face restored. `weight` is CodeFormer's, 0 (most) to 1 (least changed).

        Raises NotFound, with the path where a missing file belongs, BadFile for one that is something else, and what
        `check`, asked before each face, raises.
        """
        if name not in NAMES:
            raise NotFound(f"There is no face restorer '{name}'; there are {' and '.join(NAMES)}.")
        network, detector = self._file(name), self._detector(name)
        return self._networks(detector, name).restore(network, image, weight, check)

    def found(self, image: Image.Image) -> Sequence[Box]:
        """Boxes around faces; none without a detector's file."""
        try:
            detector = self._detector("GFPGAN")
        except NotFound:
            return ()
        return self._networks(detector, "GFPGAN").boxes(image)

    def forget(self) -> None:
        """Let go of the networks in memory."""
        with self._lock:
            self._loaded.clear()

    def _file(self, name: str) -> Path:
        for path in self._files(FOLDERS[name]):
            if path.stem.lower().startswith(_FILES[name]):
                return path
        example = {"CodeFormer": "codeformer-v0.1.0.pth", "GFPGAN": "GFPGANv1.4.pth"}[name]
        raise NotFound(
            f"{name} is not installed: put its file, for example {example}, into {self.folder(name)} and try again."
        )

    def _detector(self, name: str) -> Path:
        for folder in FOLDERS.values():
            for path in self._files(folder):
                if path.stem.lower().startswith(_DETECTOR):
                    return path
        raise NotFound(
            f"{name} needs a file that finds faces: put detection_Resnet50_Final.pth into {self.folder('GFPGAN')} and "
            "try again."
        )

    def _networks(self, detector: Path, name: str) -> FaceNetworks:
        from modules.vision.face_networks import FaceNetworks

        with self._lock:
            if detector not in self._loaded:
                self._loaded.clear()
                self._loaded[detector] = FaceNetworks(detector, self._device(name.lower()) if self._device else None)
            return self._loaded[detector]
