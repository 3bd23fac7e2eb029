"""Embeddings of every format, and the words that stand for them."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save_file
from torch import Tensor, nn

from modules.families import tokenizer
from modules.foundation.errors import BadFile, UnsafeFile
from modules.networks.embedding import Embeddings, read
from modules.networks.embedding_image import keystream
from modules.prompting.chunks import chunked, count
from modules.prompting.emphasis import parse

VECTORS = torch.arange(6, dtype=torch.float32).reshape(2, 3) / 7


@dataclass(frozen=True)
class Listed:
    path: Path
    modified: int = 1

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    @property
    def stem(self) -> str:
        return self.path.stem


def native(vectors: Tensor = VECTORS, **told: Any) -> dict[str, Any]:
    return {"string_to_token": {"*": 265}, "string_to_param": {"*": vectors}, "name": "inside", **told}


def as_json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, default=lambda tensor: {"TORCHTENSOR": tensor.tolist()}).encode()


def write(path: Path, content: Any) -> Path:
    if path.suffix == ".safetensors":
        save_file(content, path)
    elif path.suffix == ".png":
        told = PngInfo()
        told.add_text("sd-ti-embedding", base64.b64encode(as_json(content)).decode())
        Image.new("RGB", (8, 8), "red").save(path, pnginfo=told)
    else:
        torch.save(content, path)
    return path


FORMATS = [
    ("word.pt", native(step=9, sd_checkpoint="abc", sd_checkpoint_name="m")),
    ("word.bin", {"<word>": VECTORS}),
    ("word.safetensors", {"emb_params": VECTORS}),
    ("word.safetensors", {"string_to_param.*": VECTORS}),
    ("word.png", native()),
]


@pytest.mark.parametrize(("name", "content"), FORMATS)
def test_a_format(tmp_path: Path, name: str, content: dict[str, Any]) -> None:
    found = read(write(tmp_path / name, content))
    assert found is not None
    assert torch.equal(found.vectors["text"], VECTORS)
    assert (found.count, found.width) == (2, 3)
    # Pictures bear the name of the embedding inside, they are called after a preview.
    assert found.name == ("inside" if name.endswith(".png") else "word")


def test_what_training_told_is_kept(tmp_path: Path) -> None:
    found = read(write(tmp_path / "word.pt", FORMATS[0][1]))
    assert found is not None
    assert (found.step, found.sd_checkpoint, found.sd_checkpoint_name) == (9, "abc", "m")


def test_old_files_have_a_parameter_dictionary(tmp_path: Path) -> None:
    content = native()
    content["string_to_param"] = nn.ParameterDict({"*": nn.Parameter(VECTORS)})
    found = read(write(tmp_path / "old.pt", content))
    assert found is not None
    assert torch.equal(found.vectors["text"], VECTORS)


def test_a_single_vector_and_16_bits(tmp_path: Path) -> None:
    found = read(write(tmp_path / "one.bin", {"<one>": VECTORS[1].half()}))
    assert found is not None
    assert torch.equal(found.vectors["text"], VECTORS[1:].half().float())


def test_a_pair_of_sdxl(tmp_path: Path) -> None:
    pair = {"clip_l": torch.ones(2, 768), "clip_g": torch.ones(2, 1280)}
    found = read(write(tmp_path / "pair.safetensors", pair))
    assert found is not None
    assert (found.count, found.width) == (2, 2048)


def hidden(content: dict[str, Any], image: Image.Image) -> Image.Image:
    """The picture between the two blocks that A1111 draws beside it, after its description."""
    data = np.frombuffer(zlib.compress(as_json(content), 9), np.uint8)
    height = image.height
    length = len(data) + height - len(data) % height
    length += 3 * height - length % (3 * height)
    data = np.resize(data, length).reshape(height, -1, 3)
    ornament = (np.arange(data.size).reshape(data.shape) * 37 % 256 & 0xF0).astype(np.uint8)
    blocks = [
        ((half.reshape(-1) ^ keystream(half.size)).reshape(half.shape) | ornament) for half in (data & 0x0F, data >> 4)
    ]
    black = np.zeros((height, 1, 3), np.uint8)
    return Image.fromarray(np.concatenate([blocks[0], black, np.asarray(image), black, blocks[1]], axis=1))


def test_an_embedding_in_the_pixels(tmp_path: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(1, 256, (48, 40, 3), np.uint8))
    hidden(native(), picture).save(tmp_path / "preview.png")
    found = read(tmp_path / "preview.png")
    assert found is not None
    assert found.name == "inside"
    assert torch.equal(found.vectors["text"], VECTORS)


def test_the_stream_that_blocks_are_mixed_with() -> None:
    state, drawn = 0, []
    for _ in range(1000):
        state = (1664525 * state + 1013904223) % 2**32
        drawn.append(state % 255 & 0x0F)
    assert keystream(1000).tolist() == drawn


def test_a_picture_that_carries_nothing_is_no_embedding(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), "white").save(tmp_path / "plain.png")
    Image.new("RGB", (16, 16)).save(tmp_path / "black.png")
    assert read(tmp_path / "plain.png") is None
    assert read(tmp_path / "black.png") is None


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit",)


WRONG = [
    ("two.pt", {"string_to_param": {"*": VECTORS, "b": VECTORS}}, "two.pt has 2 terms"),
    ("two.safetensors", {"a": VECTORS, "b": VECTORS + 1}, "two.safetensors has 2 terms"),
    ("none.pt", {"step": 3}, "none.pt is no embedding"),
    ("deep.bin", {"<x>": torch.zeros(2, 3, 4)}, "deep.bin is no embedding"),
    ("empty.bin", {"<x>": torch.zeros(0, 3)}, "empty.bin is no embedding"),
    ("odd.safetensors", {"clip_l": torch.zeros(1, 768), "clip_g": torch.zeros(2, 1280)}, "a different number of"),
    ("ragged.png", {"string_to_param": {"*": {"TORCHTENSOR": [[1], [1, 2]]}}}, "ragged.png is no embedding"),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG)
def test_what_is_no_embedding_is_refused_by_name(tmp_path: Path, name: str, content: Any, message: str) -> None:
    with pytest.raises(BadFile, match=message.replace(".", r"\.")):
        read(write(tmp_path / name, content))


def test_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFile):
        read(write(tmp_path / "evil.pt", {"string_to_param": Evil()}))


@pytest.fixture
def library(tmp_path: Path) -> Embeddings:
    write(tmp_path / "style.pt", native())
    write(tmp_path / "style-two.pt", native(torch.ones(1, 3)))
    write(tmp_path / "wide.pt", native(torch.ones(2, 5)))
    write(tmp_path / "long.pt", native(torch.ones(76, 3)))
    (tmp_path / "broken.pt").write_bytes(b"PK\x03\x04 nothing")
    (tmp_path / "empty.pt").touch()
    Image.new("RGB", (8, 8)).save(tmp_path / "style.preview.png")
    return Embeddings(lambda: [Listed(path) for path in sorted(tmp_path.iterdir())])


def words_in(library: Embeddings, text: str) -> list[tuple[int, str]]:
    found = chunked(parse(text), tokenizer.clip(), words=library.vocabulary("sd1", 3).words)
    return [(77 * n + index, word.name) for n, chunk in enumerate(found) for index, word in chunk.words]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a style", [(2, "style")]),
        ("A STYLE", [(2, "style")]),
        ("style style", [(1, "style"), (3, "style")]),
        ("style-two, style", [(1, "style-two"), (3, "style")]),
        ("(style:1.3)", [(1, "style")]),
        ("sty(le)", []),
        ("styles", []),
        ("wide long broken", []),
    ],
)
def test_words_are_found_by_their_tokens(library: Embeddings, text: str, words: list[tuple[int, str]]) -> None:
    assert words_in(library, text) == words


def test_words_that_cannot_be_used_are_told_with_the_reason(library: Embeddings) -> None:
    reasons = library.vocabulary("sd1", 3).refused(tokenizer.clip().encode("a wide long broken style"))
    assert reasons.keys() == {"wide", "long", "broken"}
    assert reasons["wide"] == "'wide' was made for text 5 wide, this model's is 3."
    assert "76 vectors" in reasons["long"]
    assert "broken.pt is damaged" in reasons["broken"]


def test_the_list_says_what_is_skipped_and_why(library: Embeddings) -> None:
    listing = library.listing(3)
    assert list(listing.loaded) == ["style", "style-two"]
    assert list(listing.skipped) == ["long", "wide"]
    assert listing.reasons.keys() == {"broken", "long", "wide"}
    assert list(library.listing(None).loaded) == ["style", "style-two", "wide"]


def test_new_files_are_words_at_once(library: Embeddings, tmp_path: Path) -> None:
    before = library.vocabulary("sd1", 3)
    assert library.vocabulary("sd1", 3) is before
    write(tmp_path / "fresh.bin", {"<fresh>": VECTORS})
    assert words_in(library, "fresh") == [(1, "fresh")]
    assert library.vocabulary("sd1", 3).stamp != before.stamp


def word(library: Embeddings, tmp_path: Path, vectors: int) -> None:
    write(tmp_path / "x.pt", native(torch.ones(vectors, 3)))


@pytest.mark.parametrize(("plain", "content", "counted"), [(67, [75], (75, 75)), (68, [68, 8], (83, 150))])
def test_a_word_is_never_cut_in_two(
    library: Embeddings, tmp_path: Path, plain: int, content: list[int], counted: tuple[int, int]
) -> None:
    word(library, tmp_path, 8)
    words, spans = library.vocabulary("sd1", 3).words, parse("a " * plain + "x")
    chunks = chunked(spans, tokenizer.clip(), words=words)
    assert count(spans, tokenizer.clip(), words=words) == counted
    assert [chunk.words[0][0] for chunk in chunks if chunk.words] == [1 if len(content) > 1 else plain + 1]
    assert len(chunks) == len(content)


def test_every_vector_has_the_words_weight(library: Embeddings) -> None:
    [chunk] = chunked(parse("a (style:1.5)"), tokenizer.clip(), words=library.vocabulary("sd1", 3).words)
    assert chunk.multipliers[:5] == (1.0, 1.0, 1.5, 1.5, 1.0)
    assert chunk.tokens[2:4] == (0, 0)


def test_words_stay_behind_when_a_chunk_is_cut_at_its_comma(library: Embeddings) -> None:
    """A1111 moves the placeholders, which then are read as tokens, and leaves the vectors to the padding."""
    spans = parse("a " * 65 + ", style " + "a " * 9)
    first, second = chunked(spans, tokenizer.clip(), words=library.vocabulary("sd1", 3).words)
    assert first.words[0][0] == 67
    assert first.tokens[67] == tokenizer.EOS
    assert second.tokens[1:3] == (0, 0)
    assert second.words == ()
