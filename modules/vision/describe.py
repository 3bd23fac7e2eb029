"""Words for pictures: a caption by BLIP with CLIP's flavours, or a list of tags. Start with `Describer`.

Nothing here imports torch; the first use does. Every model is read from folders below `models/`, never fetched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from modules.foundation.errors import NotFound
from modules.vision.options import InterrogateOptions

if TYPE_CHECKING:
    from modules.foundation.settings import Snapshot
    from modules.vision.caption import Captioner
    from modules.vision.ranking import Ranker
    from modules.vision.tags import Tagger
    from modules.vision.upscaler_network import Device

BLIP, CLIP, TAGGER = "BLIP", "CLIP", "torch_deepdanbooru"
"""Folders below `models/`: A1111's, where it has one."""
LISTS = "interrogate"
"""Folder of the flavour lists, `<category>.txt` or `<category>.top3.txt`, a phrase a line."""
DEVICE = "interrogate"


class Describer:
    """Describes pictures. `folder` says where a folder below `models/` lies, or in another place of the user's data."""

    def __init__(self, folder: Callable[[str], Path] = Path, device: Callable[[str], Device] | None = None) -> None:
        self._folder = folder
        self._device = device
        self._lock = threading.Lock()
        self._kept: dict[str, Captioner | Ranker | Tagger] = {}

    def caption(self, image: Image.Image, settings: Snapshot, *, flavors: bool = True) -> str:
        """BLIP's sentence and, with `flavors`, the phrases CLIP finds nearest, where there are lists and a CLIP model.

        Raises NotFound with the path where BLIP belongs, BadFile if it is something else.
        """
        from modules.vision.caption import Captioner

        options = settings[InterrogateOptions]
        folder = self._needed(BLIP, "config.json", "captions", "Salesforce/blip-image-captioning-base")
        captioner = self._of(BLIP, lambda: Captioner(folder, self._chosen()))
        assert isinstance(captioner, Captioner)
        text = captioner.caption(
            image.convert("RGB"),
            beams=options.interrogate_clip_num_beams,
            shortest=options.interrogate_clip_min_length,
            longest=options.interrogate_clip_max_length,
        )
        if flavors and (self._folder(CLIP) / "config.json").is_file() and self._folder(LISTS).is_dir():
            text = self._with_flavors(text, image, options)
        self._leave(options)
        return text

    def tags(self, image: Image.Image, settings: Snapshot) -> str:
        """Tags of an anime picture, comma separated, as the settings want them sorted and spelled.

        Raises NotFound with the path where the tagger belongs, BadFile if it is something else.
        """
        from modules.vision.tags import Tagger, spelled

        options = settings[InterrogateOptions]
        example = "a WD tagger (model.safetensors, config.json, selected_tags.csv)"
        folder = self._needed(TAGGER, "", "tags", example)
        tagger = self._of(TAGGER, lambda: Tagger(folder, self._chosen()))
        assert isinstance(tagger, Tagger)
        found = tagger.scores(image.convert("RGB"))
        self._leave(options)
        return spelled(found, options)

    def categories(self) -> list[str]:
        """Names of the flavour lists there are."""
        return sorted(path.stem for path in self._folder(LISTS).glob("*.txt"))

    def _with_flavors(self, text: str, image: Image.Image, options: InterrogateOptions) -> str:
        from modules.vision.ranking import Ranker, lists_in, with_flavors

        ranker = self._of(CLIP, lambda: Ranker(self._folder(CLIP), self._chosen()))
        assert isinstance(ranker, Ranker)
        skipped = set(options.interrogate_clip_skip_categories)
        lists = [
            flavors
            for flavors in lists_in(self._folder(LISTS), options.interrogate_clip_dict_limit)
            if flavors.name not in skipped
        ]
        return with_flavors(text, ranker.ranked(image.convert("RGB"), lists), ranks=options.interrogate_return_ranks)

    def _needed(self, name: str, file: str, what: str, example: str) -> Path:
        folder = self._folder(name)
        if (file and not (folder / file).is_file()) or not folder.is_dir() or not any(folder.iterdir()):
            raise NotFound(
                f"The model for {what} is not installed: put the files of {example} into {folder} and try again."
            )
        return folder

    def _chosen(self) -> Device:
        from modules.vision.upscaler_network import CPU

        return self._device(DEVICE) if self._device else CPU

    def _of(self, name: str, made: Callable[[], Captioner | Ranker | Tagger]) -> Captioner | Ranker | Tagger:
        with self._lock:
            if name not in self._kept:
                self._kept[name] = made()
            return self._kept[name]

    def _leave(self, options: InterrogateOptions) -> None:
        if not options.interrogate_keep_models_in_memory:
            with self._lock:
                self._kept.clear()
