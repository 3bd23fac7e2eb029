"""Restoring faces: each is found, turned upright into a square, restored, and laid back with a soft edge.

Start with `FaceNetworks.restore`. The square and its five points are FFHQ's, which the restorers were trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor, nn

from modules.foundation.errors import BadFile
from modules.vision import codeformer, retinaface
from modules.vision.retinaface import Face
from modules.vision.upscaler_network import CPU, Device, load_state, read_network, to_image, to_tensor
from modules.weights import reader

SIDE = 512
"""Pixels of the square that faces are restored in."""
POINTS = ((192.98, 239.95), (318.90, 240.19), (256.63, 314.02), (201.26, 371.41), (313.09, 371.15))
"""Where eyes, nose and mouth corners lie in it."""
GREY = (135, 133, 132)
"""What the square has beyond the picture's edge, as the restorers know it."""
MARGIN, SOFT = 26, 16
"""Pixels of the square's edge that are left as they were, and over which the rest fades in."""
Matrix = NDArray[np.float64]
"""[2, 3]: what an affine map multiplies (x, y, 1) with."""
Network = Callable[[Tensor, float], Tensor]
"""[1, 3, SIDE, SIDE] in 0..1 and CodeFormer's weight -> the face restored, in 0..1."""


class FaceNetworks:
    """A detector, and the restorer used last. Raises BadFile if the detector's file is something else."""

    def __init__(self, detector: Path, device: Device | None = None) -> None:
        self._device = (device or CPU).device
        with reader.opened(detector) as file:
            weights = {key: file.tensor(key).clone() for key in file.shapes}
        self._detector = retinaface.built(weights, detector.name).to(self._device)
        self._restorer: tuple[Path, Network] | None = None

    def boxes(self, image: Image.Image) -> list[tuple[int, int, int, int]]:
        """Boxes around the faces in a picture, in its pixels."""
        found = retinaface.faces_in(self._detector, image, self._device)
        return [(round(a), round(b), round(c), round(d)) for a, b, c, d in (face.box for face in found)]

    @torch.inference_mode()
    def restore(self, file: Path, image: Image.Image, weight: float, check: Callable[[], None]) -> Image.Image:
        """The picture with its faces restored; the same size, transparency as it was.

        Raises BadFile if `file` is no restorer, and what `check`, asked before each face, raises.
        """
        network = self._network(file)
        result = image.convert("RGB")
        for face in retinaface.faces_in(self._detector, result, self._device):
            check()
            matrix = aligning(face)
            square = warped(result, matrix, (SIDE, SIDE), GREY)
            restored = network(to_tensor(square).to(self._device), weight).float().cpu().clamp(0, 1)
            laid(result, to_image(restored), matrix)
        if image.mode == "RGBA":
            result.putalpha(image.getchannel("A"))
        return result

    def _network(self, file: Path) -> Network:
        if self._restorer is None or self._restorer[0] != file:
            self._restorer = None
            self._restorer = file, _opened(file, self._device)
        return self._restorer[1]


def aligning(face: Face) -> Matrix:
    """The turn, scale and shift that bring a face's points nearest to those of the square (least squares)."""
    rows, wanted = [], []
    for (x, y), (to_x, to_y) in zip(face.points, POINTS, strict=True):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        wanted += [to_x, to_y]
    (a, b, right, down), *_ = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)
    return np.array([[a, -b, right], [b, a, down]])


def warped(image: Image.Image, matrix: Matrix, size: tuple[int, int], fill: int | Sequence[int]) -> Image.Image:
    """The picture through an affine map of its pixels; `fill` is seen where there is none of it."""
    back = _inverse(matrix)
    colour = fill if isinstance(fill, int) else tuple(fill)
    # Pillow samples at pixel centres; the map is between pixels' numbers.
    return image.transform(
        size, Image.Transform.AFFINE, tuple(_centred(back).ravel()), Image.Resampling.BICUBIC, fillcolor=colour
    )


def laid(image: Image.Image, face: Image.Image, matrix: Matrix) -> None:
    """Lay a restored square back into the picture it was taken from; only where the square reaches is touched."""
    back = _inverse(matrix)
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]], dtype=np.float64) @ back.T
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), image.width), min(int(high[1]), image.height)
    if right <= left or bottom <= top:
        return
    moved = back.copy()
    moved[:, 2] -= (left, top)
    size = (right - left, bottom - top)
    mask = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(mask).rectangle((MARGIN, MARGIN, SIDE - MARGIN, SIDE - MARGIN), fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(SOFT / 2))
    image.paste(warped(face, moved, size, 0), (left, top), warped(mask, moved, size, 0))


def _opened(file: Path, device: torch.device) -> Network:
    state = load_state(file)
    if "idx_pred_layer.1.weight" in state:
        former = codeformer.built(state, file.name).to(device)
        return lambda pixels, weight: (former(pixels * 2 - 1, weight) + 1) / 2
    found = read_network(state, file.name)
    if found.purpose != "FaceSR" or found.scale != 1:
        raise BadFile(f"{file.name} restores no faces; it is {found.architecture.name}. Move it to its own folder.")
    network: nn.Module = found.to(device, torch.float32).eval().model
    return lambda pixels, _weight: (network(pixels * 2 - 1)[0] + 1) / 2


def _inverse(matrix: Matrix) -> Matrix:
    turn = np.linalg.inv(matrix[:, :2])
    return np.concatenate([turn, -turn @ matrix[:, 2:]], axis=1).astype(np.float64)


def _centred(matrix: Matrix) -> Matrix:
    """The map for coordinates in which the middle of the first pixel is 0.5 instead of 0."""
    shifted = matrix.copy()
    shifted[:, 2] += 0.5 - matrix[:, :2] @ np.array([0.5, 0.5])
    return shifted
