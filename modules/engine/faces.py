"""Faces of finished pictures restored, where a request or the settings want it."""

from __future__ import annotations

from PIL import Image

from modules.engine.plan import Beside
from modules.engine.request import Request
from modules.engine.run import RunContext
from modules.foundation.errors import BadFile, NotFound
from modules.store.options import SavingOptions
from modules.vision.faces import NAMES
from modules.vision.options import FaceOptions


def restored(
    image: Image.Image, request: Request, run: RunContext
) -> tuple[Image.Image, tuple[Beside, ...], dict[str, str]]:
    """The picture with its faces restored, what is saved beside it, and what the infotext says of it.

    Without the restorer's files the picture stays as it is, and the user is told where they belong.
    """
    options = run.settings[FaceOptions]
    wanted = options.face_restoration if request.restore_faces is None else request.restore_faces
    if not wanted:
        return image, (), {}
    name = options.face_restoration_model if options.face_restoration_model in NAMES else NAMES[0]
    run.report.phase(f"Restoring faces with {name}")
    try:
        made = run.faces.restore(name, image, options.code_former_weight, run.cancel.check)
    except (NotFound, BadFile) as error:
        run.report.comment(f"Faces were not restored. {error}")
        return image, (), {}
    if options.face_restoration_unload:
        run.faces.forget()
    keep = run.settings[SavingOptions].save_images_before_face_restoration
    earlier = (Beside(image, "-before-face-restoration", saved=True),) if keep else ()
    return made, earlier, {"Face restoration": name}
