"""Pictures by way of Atelier's own engine: the shipped file, loaded and sampled as for a user."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from modules.boot import assemble
from modules.engine.generate import generate
from modules.engine.hooks import Hooks
from modules.engine.request import Img2Img, Request, Txt2Img
from modules.engine.run import RunContext
from modules.foundation.flags import parse
from modules.studio.context import Studio
from starter.export import FILE, NATIVE

log = logging.getLogger("starter")

RECOMMENDED: dict[str, Any] = {
    "steps": 20, "cfg_scale": 4.0, "sampler_name": "DPM++ 2M", "scheduler": "Automatic",
}  # fmt: skip


class Quiet:
    """Nobody interrupts an evaluation, and nobody watches its steps."""

    def check(self) -> None:
        pass

    def next_batch(self) -> bool:
        return True

    def planned(self, batches: int, steps: int) -> None:
        pass

    def batch(self, index: int) -> None:
        pass

    def step(self, index: int, latent: Any) -> None:
        pass

    def phase(self, text: str) -> None:
        pass

    def comment(self, text: str) -> None:
        log.warning("%s", text)


@dataclass(frozen=True, slots=True)
class Engine:
    """A studio whose only checkpoint is the starter's."""

    studio: Studio

    def pictures(self, prompt: str, seed: int, count: int = 1, **fields: Any) -> list[Image.Image]:
        """`count` pictures with the recommended settings, from seeds `seed`, `seed` + 1 and so on."""
        return self._made(Txt2Img(**self._fields(prompt, seed, count) | fields))

    def repainted(self, image: Image.Image, prompt: str, seed: int, **fields: Any) -> Image.Image:
        """The picture made over by image-to-image."""
        (name,) = self._kept(image)
        return self._made(Img2Img(init_images=(name,), **self._fields(prompt, seed, 1) | fields))[0]

    def inpainted(self, image: Image.Image, mask: Image.Image, prompt: str, seed: int, **fields: Any) -> Image.Image:
        """The picture with the white part of the mask painted anew."""
        name, mask_name = self._kept(image, mask)
        given = {"init_images": (name,), "mask": mask_name, "denoising_strength": 1.0}
        return self._made(Img2Img(**self._fields(prompt, seed, 1) | given | fields))[0]

    def _fields(self, prompt: str, seed: int, count: int) -> dict[str, Any]:
        return {**RECOMMENDED, "prompt": prompt, "seed": seed, "batch_size": count, "width": NATIVE, "height": NATIVE}

    def _kept(self, *images: Image.Image) -> Sequence[str]:
        def data(image: Image.Image) -> bytes:
            out = BytesIO()
            image.save(out, "PNG")
            return out.getvalue()

        return [self.studio.inputs.keep(data(image)) for image in images]

    def _made(self, request: Request) -> list[Image.Image]:
        quiet, studio = Quiet(), self.studio
        run = RunContext(
            studio.settings.snapshot, studio.models, studio.catalog, Hooks(), quiet, quiet, inputs=studio.inputs
        )
        return [made.image for made in generate(request, run)]


@contextmanager
def engine(file: Path = FILE) -> Iterator[Engine]:
    """An engine on this checkpoint, with settings as they come, in a data folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "checkpoints"
        models.mkdir()
        for part in (file, file.with_suffix(".yaml")):
            (models / part.name).symlink_to(part.resolve())
        studio = assemble(parse(["--data-dir", folder, "--ckpt-dir", str(models)]))
        try:
            studio.settings.update({"sd_model_checkpoint": file.stem})
            yield Engine(studio)
        finally:
            studio.catalog.close()
            studio.history.close()
