"""Finds faces and five points of each: RetinaFace (Deng et al. 2019, arXiv:1905.00641) on a ResNet.

The layout is that of facexlib's `detection_Resnet50_Final.pth`; widths are read from the weights. Start at `built`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from modules.foundation.errors import BadFile
from modules.vision.upscaler_network import to_tensor

BLOCKS = (3, 4, 6, 3)
"""Of ResNet-50, by stage."""
STEPS = (8, 16, 32)
"""Pixels between the anchors of each level."""
SIZES = ((16, 32), (64, 128), (256, 512))
"""Pixels of the anchors at each place."""
MEAN = (104.0, 117.0, 123.0)
"""Of blue, green and red, which is the order the network reads."""
VARIANCES = (0.1, 0.2)
SHORT_SIDE = 640
"""Pixels the shorter side is brought to before faces are looked for, as A1111 does."""
LONGEST_SIDE = 1920
CERTAIN = 0.97
"""Score from which a face counts."""
SAME = 0.4
"""Overlap from which two boxes are of one face."""


@dataclass(frozen=True, slots=True)
class Face:
    """`box` is (left, top, right, bottom), `points` are eyes, nose and mouth corners, (x, y); all in pixels."""

    box: tuple[float, float, float, float]
    points: tuple[tuple[float, float], ...]
    score: float


class Bottleneck(nn.Module):
    """ResNet's block of three convolutions (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, channels: int, width: int, stride: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))
            if shortcut
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, h, w] -> [B, 4 * width, h / stride, w / stride]."""
        inner = torch.relu(self.bn1(self.conv1(x)))
        inner = self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(inner)))))
        return torch.relu(inner + (x if self.downsample is None else self.downsample(x)))


class Body(nn.Module):
    """The ResNet without its head; gives the last three stages."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        channels = width
        for stage, count in enumerate(BLOCKS):
            inner = width * 2**stage
            blocks = []
            for number in range(count):
                blocks.append(Bottleneck(channels, inner, 2 if number == 0 and stage else 1, number == 0))
                channels = 4 * inner
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> list[Tensor]:
        """[B, 3, H, W] -> features at H/8, H/16 and H/32."""
        x = functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        found = []
        for stage in range(len(BLOCKS)):
            x = self.get_submodule(f"layer{stage + 1}")(x)
            found.append(x)
        return found[1:]


def _convolved(channels: int, width: int, size: int, slope: float | None) -> nn.Sequential:
    parts: list[nn.Module] = [nn.Conv2d(channels, width, size, 1, size // 2, bias=False), nn.BatchNorm2d(width)]
    return nn.Sequential(*parts, *([] if slope is None else [nn.LeakyReLU(slope)]))


class Pyramid(nn.Module):
    """Brings the three stages to one width, the coarse ones added to the fine ones."""

    def __init__(self, channels: Sequence[int], width: int, slope: float) -> None:
        super().__init__()
        self.output1, self.output2, self.output3 = (_convolved(count, width, 1, slope) for count in channels)
        self.merge1, self.merge2 = _convolved(width, width, 3, slope), _convolved(width, width, 3, slope)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Finest first, as they came."""
        fine, middle, coarse = (
            part(x) for part, x in zip((self.output1, self.output2, self.output3), features, strict=True)
        )
        middle = self.merge2(middle + functional.interpolate(coarse, size=middle.shape[2:]))
        fine = self.merge1(fine + functional.interpolate(middle, size=fine.shape[2:]))
        return [fine, middle, coarse]


class Context(nn.Module):
    """Looks three, five and seven pixels far (SSH, Najibi et al. 2017, arXiv:1708.03979)."""

    def __init__(self, width: int, slope: float) -> None:
        super().__init__()
        self.conv3X3 = _convolved(width, width // 2, 3, None)
        self.conv5X5_1 = _convolved(width, width // 4, 3, slope)
        self.conv5X5_2 = _convolved(width // 4, width // 4, 3, None)
        self.conv7X7_2 = _convolved(width // 4, width // 4, 3, slope)
        self.conv7x7_3 = _convolved(width // 4, width // 4, 3, None)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        near = self.conv5X5_1(x)
        return torch.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(near), self.conv7x7_3(self.conv7X7_2(near))], 1))


class Head(nn.Module):
    """`values` numbers for each of the anchors of a place."""

    def __init__(self, width: int, values: int) -> None:
        super().__init__()
        self.values = values
        self.conv1x1 = nn.Conv2d(width, len(SIZES[0]) * values, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, width, h, w] -> [B, anchors, values]."""
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, self.values)


class RetinaFace(nn.Module):
    """The whole network."""

    def __init__(self, width: int, pyramid: int) -> None:
        """`width` is that of the body's first convolution (64), `pyramid` that of the features (256)."""
        super().__init__()
        slope = 0.1 if pyramid <= 64 else 0.0
        self.body = Body(width)
        self.fpn = Pyramid([width * 8, width * 16, width * 32], pyramid, slope)
        self.ssh1, self.ssh2, self.ssh3 = (Context(pyramid, slope) for _ in STEPS)
        self.ClassHead = nn.ModuleList(Head(pyramid, 2) for _ in STEPS)
        self.BboxHead = nn.ModuleList(Head(pyramid, 4) for _ in STEPS)
        self.LandmarkHead = nn.ModuleList(Head(pyramid, 10) for _ in STEPS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, 3, H, W], blue green red less their means -> scores [B, N], boxes [B, N, 4], points [B, N, 10]."""
        levels = [part(x) for part, x in zip((self.ssh1, self.ssh2, self.ssh3), self.fpn(self.body(x)), strict=True)]
        boxes, classes, points = (
            torch.cat([head(level) for head, level in zip(heads, levels, strict=True)], 1)
            for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead)
        )
        return classes.softmax(-1)[..., 1], boxes, points


def built(weights: Mapping[str, Tensor], name: str) -> RetinaFace:
    """The detector of a file's tensors. Raises BadFile, naming `name`, if they are not one's."""
    bare = {key.removeprefix("module."): value for key, value in weights.items()}
    first, merged = bare.get("body.conv1.weight"), bare.get("fpn.merge1.0.weight")
    if first is None or merged is None:
        raise BadFile(f"{name} finds no faces: it is not RetinaFace on a ResNet, as detection_Resnet50_Final.pth is.")
    network = RetinaFace(first.shape[0], merged.shape[0])
    try:
        network.load_state_dict({key: value.float() for key, value in bare.items() if not key.startswith("body.fc.")})
    except RuntimeError as error:
        raise BadFile(f"{name} is no RetinaFace detector: {' '.join(str(error).split())[:200]}.") from None
    return network.eval()


@torch.inference_mode()
def faces_in(network: RetinaFace, image: Image.Image, device: torch.device) -> list[Face]:
    """Every face the network is certain of, the most certain first."""
    scale = min(SHORT_SIDE / min(image.size), LONGEST_SIDE / max(image.size))
    size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    pixels = to_tensor(image.convert("RGB").resize(size, Image.Resampling.BILINEAR))[:, [2, 1, 0]] * 255
    scores, boxes, points = network((pixels - torch.tensor(MEAN)[:, None, None]).to(device))
    scores, boxes, points = scores[0].float().cpu(), boxes[0].float().cpu(), points[0].float().cpu()
    anchors = _anchors(size)
    kept = scores > CERTAIN
    scores, boxes, points, anchors = scores[kept], boxes[kept], points[kept], anchors[kept]
    middles = anchors[:, :2] + boxes[:, :2] * VARIANCES[0] * anchors[:, 2:]
    sides = anchors[:, 2:] * (boxes[:, 2:] * VARIANCES[1]).exp()
    corners = torch.cat([middles - sides / 2, middles + sides / 2], 1) / scale
    places = (anchors[:, None, :2] + points.view(-1, 5, 2) * VARIANCES[0] * anchors[:, None, 2:]) / scale
    return [
        Face(tuple(corners[i].tolist()), tuple((x, y) for x, y in places[i].tolist()), float(scores[i]))  # type: ignore[arg-type]
        for i in _distinct(corners, scores)
    ]


def _anchors(size: tuple[int, int]) -> Tensor:
    """Middle and sides of every anchor in pixels, [N, 4], in the heads' order."""
    found = [
        ((column + 0.5) * step, (row + 0.5) * step, side, side)
        for step, sides in zip(STEPS, SIZES, strict=True)
        for row, column in product(range(-(-size[1] // step)), range(-(-size[0] // step)))
        for side in sides
    ]
    return torch.tensor(found, dtype=torch.float32)


def _distinct(boxes: Tensor, scores: Tensor) -> list[int]:
    """Which boxes remain when of those that overlap only the best counts."""
    kept: list[int] = []
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for i in scores.argsort(descending=True).tolist():
        others = torch.tensor(kept, dtype=torch.long)
        low, high = torch.maximum(boxes[i, :2], boxes[others, :2]), torch.minimum(boxes[i, 2:], boxes[others, 2:])
        shared = (high - low).clamp(min=0).prod(1)
        if not bool((shared / (areas[i] + areas[others] - shared) > SAME).any()):
            kept.append(i)
    return kept
