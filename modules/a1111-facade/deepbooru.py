"""Tags of a picture."""

from __future__ import annotations

from PIL import Image

from modules._anchor import anchor, running


class Model:
    """The tagger, whose files lie in models/torch_deepdanbooru."""

    def tag(self, pil_image: Image.Image) -> str:
        """The tags, joined by commas. Raises NotFound, with the path where they belong, without the files."""
        run = running.get()
        settings = run.settings if run is not None else anchor.studio.settings.snapshot
        return anchor.studio.describer.tags(pil_image, settings)


model = Model()
