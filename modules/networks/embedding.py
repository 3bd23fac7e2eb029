"""Textual inversion: files of trained vectors, and the words in prompts that stand for them. Start with `Embeddings`.

A file is opened once its word stands in a prompt, or when all are listed. Importing this module loads no torch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from modules.families import tokenizer
from modules.foundation.errors import BadFile, UserError
from modules.prompting.chunks import CONTENT
from modules.prompting.words import Words

if TYPE_CHECKING:
    from torch import Tensor

IMAGES: Final = (".png", ".webp", ".jxl", ".avif")


class ListedFile(Protocol):
    """A file as the catalogue lists it."""

    @property
    def path(self) -> Path: ...
    @property
    def modified(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def stem(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A word's vectors by text encoder: "text" [n, width] alone, or "clip_l" and "clip_g" of SDXL."""

    name: str
    path: Path
    vectors: Mapping[str, Tensor]
    step: int | None = None
    sd_checkpoint: str | None = None
    sd_checkpoint_name: str | None = None

    @property
    def width(self) -> int:
        """Of all encoders together: 768 in SD 1.x, 1024 in SD 2.x, 2048 in SDXL."""
        return sum(tensor.shape[1] for tensor in self.vectors.values())

    @property
    def count(self) -> int:
        """How many vectors, and so how many tokens' place it takes."""
        return next(iter(self.vectors.values())).shape[0]


@dataclass(frozen=True, slots=True)
class Listing:
    """Every embedding there is, by name in the order of the alphabet."""

    loaded: Mapping[str, Embedding]
    skipped: Mapping[str, Embedding]
    reasons: Mapping[str, str]
    """Why those were skipped, and why files could not be read, by name."""


class Vocabulary:
    """The words that one model's text encoder knows."""

    def __init__(
        self, names: Iterable[tuple[str, tuple[int, ...]]], find: Callable[[str], Embedding | str], stamp: Hashable
    ) -> None:
        """`find` gives an embedding by name, or the reason why it cannot be used. `stamp` is equal for equal files."""
        self._find = find
        self.stamp = stamp
        self.words = Words(names, self._measure)

    def get(self, name: str) -> Embedding:
        """The embedding of a word that `words` found."""
        found = self._find(name)
        assert isinstance(found, Embedding)
        return found

    def refused(self, tokens: Sequence[int]) -> Mapping[str, str]:
        """Embeddings that stand in a text and cannot be used, with the reason."""
        found = {name: self._find(name) for name in self.words.unusable(tokens)}
        return {name: reason for name, reason in found.items() if isinstance(reason, str)}

    def _measure(self, name: str) -> int:
        found = self._find(name)
        return found.count if isinstance(found, Embedding) else 0


class Embeddings:
    """The embeddings of a folder, read when they are needed. For any thread."""

    def __init__(self, files: Callable[[], Sequence[ListedFile]] = tuple) -> None:
        """`files` lists them as they are now."""
        self._files = files
        self._lock = threading.RLock()
        self._read: dict[tuple[Path, int, int], Embedding | str | None] = {}
        self._vocabularies: dict[tuple[str, int | None, tuple[Embedding, ...]], Vocabulary] = {}
        self._listed: Sequence[ListedFile] = ()
        self._named: Mapping[str, ListedFile] = {}

    def vocabulary(self, family: str, width: int | None, bundled: Mapping[str, Embedding] | None = None) -> Vocabulary:
        """The words for a family's tokenizer and a text encoder of this width; the same one while nothing changes.

        `bundled` came inside other networks and count before files of the same name.
        """
        bundled = bundled or {}
        with self._lock:
            named = self._named_now()
            key = (family, width, tuple(bundled.values()))
            if key not in self._vocabularies:
                words = tokenizer.of(family)
                tokens = [(name, tuple(words.encode(name))) for name in dict.fromkeys((*bundled, *named))]
                find = partial(self._found, named, bundled, width)
                stamp = (*bundled.values(), *((file.path, file.modified) for file in named.values()))
                self._vocabularies = {key: Vocabulary(tokens, find, stamp)}
            return self._vocabularies[key]

    def files(self) -> Mapping[str, ListedFile]:
        """Every file by its word's name; pictures that carry no embedding are none."""
        with self._lock:
            return self._named_now()

    def listing(self, width: int | None) -> Listing:
        """Every embedding; those of another width than the model's are skipped. Opens all files."""
        loaded: dict[str, Embedding] = {}
        skipped: dict[str, Embedding] = {}
        reasons: dict[str, str] = {}
        with self._lock:
            named = self._named_now()
        for name, file in sorted(named.items(), key=lambda one: one[0].lower()):
            found = self._embedding(file, name)
            usable = _usable(found, width)
            if isinstance(usable, Embedding):
                loaded[name] = usable
            else:
                reasons[name] = usable
                if isinstance(found, Embedding):
                    skipped[name] = found
        return Listing(loaded, skipped, reasons)

    def _named_now(self) -> Mapping[str, ListedFile]:
        files = self._files()
        if files != self._listed:
            self._named, self._vocabularies = self._by_name(files), {}
            self._listed = files
        return self._named

    def _found(
        self, named: Mapping[str, ListedFile], bundled: Mapping[str, Embedding], width: int | None, name: str
    ) -> Embedding | str:
        return _usable(bundled[name] if name in bundled else self._embedding(named[name], name), width)

    def _by_name(self, files: Sequence[ListedFile]) -> Mapping[str, ListedFile]:
        """Names are those of the files, but pictures carry their own, and most pictures carry nothing."""
        named: dict[str, ListedFile] = {}
        for file in files:
            if not file.size or file.stem.lower().endswith(".preview"):
                continue
            if file.path.suffix.lower() in IMAGES:
                found = self._content(file)
                if isinstance(found, Embedding):
                    named[found.name] = file
            else:
                named[file.stem] = file
        return named

    def _embedding(self, file: ListedFile, name: str) -> Embedding | str:
        found = self._content(file)
        return f"'{name}' carries no embedding." if found is None else found

    def _content(self, file: ListedFile) -> Embedding | str | None:
        key = (file.path, file.modified, file.size)
        with self._lock:
            if key not in self._read:
                try:
                    self._read[key] = read(file.path)
                except UserError as error:
                    self._read[key] = str(error)
            return self._read[key]


def read(path: Path) -> Embedding | None:
    """The embedding of a file; None for a picture that carries none.

    Raises BadFile for a damaged file and for one that is no embedding, UnsafeFile for one that runs code.
    """
    from modules.networks import embedding_image
    from modules.weights.reader import is_pickle, opened
    from modules.weights.unpickle import unpickled

    found: Any
    if path.suffix.lower() in IMAGES:
        found = embedding_image.read(path)
        return None if found is None else parse(_with_tensors(found), path)
    if is_pickle(path):
        return parse(unpickled(path), path)
    with opened(path) as file:
        return parse({key: file.tensor(key).clone() for key in file.shapes}, path)


def parse(found: Any, path: Path, name: str | None = None) -> Embedding:
    """The embedding that a file's content is. Raises BadFile if it is none."""
    told = found if isinstance(found, Mapping) else {}
    inside = name or (told.get("name") if path.suffix.lower() in IMAGES else None) or path.stem
    step = told.get("step")
    return Embedding(
        str(inside),
        path,
        _vectors(told, path),
        step if isinstance(step, int) else None,
        _text(told.get("sd_checkpoint")),
        _text(told.get("sd_checkpoint_name")),
    )


def _vectors(found: Mapping[Any, Any], path: Path) -> Mapping[str, Tensor]:
    """In the order in which A1111 tries: its own files, SDXL's pairs, diffusers' concepts."""
    from torch import Tensor

    own = found.get("string_to_param")
    if own is None:
        own = {key: value for key, value in found.items() if str(key).startswith("string_to_param.")} or None
    if isinstance(own, Mapping):
        return {"text": _matrix(_only(own, path), path)}
    if "clip_l" in found and "clip_g" in found:
        pair = {name: _matrix(found[name], path) for name in ("clip_l", "clip_g")}
        if pair["clip_l"].shape[0] != pair["clip_g"].shape[0]:
            raise BadFile(f"{path.name} is damaged: it has a different number of vectors for either text encoder.")
        return pair
    if isinstance(next(iter(found.values()), None), Tensor):
        return {"text": _matrix(_only(found, path), path)}
    raise BadFile(f"{path.name} is no embedding: it has neither A1111's nor diffusers' keys.")


def _only(found: Mapping[Any, Any], path: Path) -> Any:
    if len(found) != 1:
        raise BadFile(f"{path.name} has {len(found)} terms; an embedding has one.")
    return next(iter(found.values()))


def _matrix(found: Any, path: Path) -> Tensor:
    from torch import Tensor

    if not isinstance(found, Tensor) or found.dim() not in (1, 2) or not found.numel():
        raise BadFile(f"{path.name} is no embedding: its vectors are no table of numbers.")
    return found.detach().float().reshape(-1, found.shape[-1])


def _with_tensors(found: Mapping[str, Any]) -> dict[str, Any]:
    """The dictionary of a picture, `{"TORCHTENSOR": lists}` made tensors."""
    import torch

    made: dict[str, Any] = {}
    for key, value in found.items():
        if isinstance(value, Mapping) and "TORCHTENSOR" in value:
            try:
                made[key] = torch.tensor(value["TORCHTENSOR"], dtype=torch.float32)
            except (TypeError, ValueError, RuntimeError):
                made[key] = None
        else:
            made[key] = _with_tensors(value) if isinstance(value, Mapping) else value
    return made


def _usable(found: Embedding | str, width: int | None) -> Embedding | str:
    if isinstance(found, str):
        return found
    if width is not None and found.width != width:
        return f"'{found.name}' was made for text {found.width} wide, this model's is {width}."
    if found.count > CONTENT:
        return f"'{found.name}' has {found.count} vectors; a text encoder reads {CONTENT} tokens at once."
    return found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
