"""Faces: found where the network says, turned upright, laid back, everything else untouched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file

from modules.foundation.errors import BadFile, NotFound
from modules.vision import codeformer, face_networks, retinaface
from modules.vision.faces import FaceRestorers
from modules.vision.retinaface import Face


def folders(root: Path) -> FaceRestorers:
    return FaceRestorers(lambda folder: sorted((root / folder).glob("*")), lambda folder: root / folder)


def detector(certain: bool) -> retinaface.RetinaFace:
    """A network too small to know a face, which sees one in the middle of the middle anchor, or none."""
    torch.manual_seed(0)
    network = retinaface.RetinaFace(8, 16)
    for heads in (network.BboxHead, network.LandmarkHead, network.ClassHead):
        for head in heads:
            torch.nn.init.zeros_(head.conv1x1.weight)
            torch.nn.init.zeros_(head.conv1x1.bias)
    # Of the two anchors at each place the larger, on the coarsest level only.
    for number, head in enumerate(network.ClassHead):
        seen = certain and number == 2
        head.conv1x1.bias.data[:] = torch.tensor([9.0, 0.0, *((0.0, 9.0) if seen else (9.0, 0.0))])
    return network


def former() -> codeformer.CodeFormer:
    torch.manual_seed(0)
    return codeformer.CodeFormer(32, 16, 8, 4, 16, 16, 1, ["4", "8", "16", "32"])


def test_boxes_of_one_face_count_once() -> None:
    found = retinaface.faces_in(detector(True).eval(), Image.new("RGB", (640, 640)), torch.device("cpu"))
    assert found and all(face.score > retinaface.CERTAIN for face in found)
    boxes = torch.tensor([face.box for face in found])
    for number, box in enumerate(boxes[:-1]):
        rest = boxes[number + 1 :]
        shared = (torch.minimum(box[2:], rest[:, 2:]) - torch.maximum(box[:2], rest[:, :2])).clamp(min=0).prod(1)
        areas = (box[2:] - box[:2]).prod() + (rest[:, 2:] - rest[:, :2]).prod(1) - shared
        assert (shared / areas <= retinaface.SAME + 1e-6).all()
    assert retinaface.faces_in(detector(False).eval(), Image.new("RGB", (64, 64)), torch.device("cpu")) == []


def test_widths_are_read_from_the_weights() -> None:
    network = retinaface.built({f"module.{key}": value for key, value in detector(True).state_dict().items()}, "x")
    assert network.body.conv1.out_channels == 8
    with pytest.raises(BadFile, match="other finds no faces"):
        retinaface.built({"a": torch.zeros(1)}, "other")
    again = codeformer.built(former().state_dict(), "x")
    assert again.side == 64
    with pytest.raises(BadFile, match="other is not CodeFormer"):
        codeformer.built({"a": torch.zeros(1)}, "other")


def test_codeformers_weight_carries_detail_over() -> None:
    network = former().eval()
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.05)
    face = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        strong, weak = network(face, 0.0), network(face, 1.0)
    assert strong.shape == face.shape
    assert not torch.equal(strong, weak)


def test_aligning_brings_the_points_to_their_places() -> None:
    turn = np.deg2rad(30)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * 0.4
    points = tuple((x, y) for x, y in (np.array(face_networks.POINTS) @ rotation.T + [70, 90]).tolist())
    matrix = face_networks.aligning(Face((0, 0, 1, 1), points, 1.0))
    moved = np.array([[*point, 1] for point in points]) @ matrix.T
    assert np.abs(moved - np.array(face_networks.POINTS)).max() < 1e-6


def test_a_square_laid_back_unchanged_changes_little_and_nothing_outside() -> None:
    source = Image.radial_gradient("L").resize((300, 260), Image.Resampling.BICUBIC).convert("RGB")
    points = tuple((100 + x * 0.2, 60 + y * 0.2) for x, y in face_networks.POINTS)
    matrix = face_networks.aligning(Face((0, 0, 1, 1), points, 1.0))
    square = face_networks.warped(source, matrix, (512, 512), face_networks.GREY)
    same = source.copy()
    face_networks.laid(same, square, matrix)
    assert np.abs(np.asarray(same, int) - np.asarray(source, int)).max() <= 3
    changed = source.copy()
    face_networks.laid(changed, ImageOps.invert(square), matrix)
    differs = np.abs(np.asarray(changed, int) - np.asarray(source, int)).max(-1) > 0
    rows, columns = np.nonzero(differs)
    assert rows.min() >= 59 and rows.max() <= 163 and columns.min() >= 99 and columns.max() <= 203
    assert np.asarray(changed)[110, 150].tolist() != np.asarray(source)[110, 150].tolist()


def test_missing_files_are_named_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"codeformer-v0\.1\.0\.pth, into .*Codeformer"):
        folders(tmp_path).restore("CodeFormer", Image.new("RGB", (8, 8)), 0.5)
    (tmp_path / "GFPGAN").mkdir()
    save_file({"a": torch.zeros(1)}, tmp_path / "GFPGAN" / "GFPGANv1.4.safetensors")
    with pytest.raises(NotFound, match=r"detection_Resnet50_Final\.pth into .*GFPGAN"):
        folders(tmp_path).restore("GFPGAN", Image.new("RGB", (8, 8)), 0.5)
    with pytest.raises(NotFound, match="There is no face restorer 'Nobody'"):
        folders(tmp_path).restore("Nobody", Image.new("RGB", (8, 8)), 0.5)


def test_a_picture_without_faces_stays_as_it_is(tmp_path: Path) -> None:
    for folder, name, network in (
        ("GFPGAN", "detection_Resnet50_Final", detector(False)),
        ("Codeformer", "codeformer-v0.1.0", former()),
    ):
        (tmp_path / folder).mkdir()
        save_file(network.state_dict(), tmp_path / folder / f"{name}.safetensors")
    source = Image.radial_gradient("L").convert("RGBA")
    made = folders(tmp_path).restore("CodeFormer", source, 0.5)
    assert (made.mode, made.tobytes()) == ("RGBA", source.tobytes())
    assert folders(tmp_path).found(source) == []
