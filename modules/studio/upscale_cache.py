"""The last upscaled pictures, so that another try of what comes after upscaling need not upscale again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from PIL import Image

MOST_PIXELS = 1 << 26
"""Of all pictures kept, 0.2 GB."""


class UpscaleCache:
    """Pictures by what they were made from, the oldest given up first. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Image.Image] = OrderedDict()

    def get(self, key: Hashable) -> Image.Image | None:
        """The picture, which then counts as the newest."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            found = self._kept.get(key)
        return found.copy() if found else None

    def put(self, key: Hashable, image: Image.Image, most: int) -> None:
        """Keep a picture, and at most `most` in all; one larger than all may be together is not kept."""
        with self._lock:
            self._kept.pop(key, None)
            if most > 0 and image.width * image.height <= MOST_PIXELS:
                self._kept[key] = image.copy()
            while len(self._kept) > most or self._pixels() > MOST_PIXELS:
                self._kept.popitem(last=False)

    def _pixels(self) -> int:
        return sum(image.width * image.height for image in self._kept.values())
