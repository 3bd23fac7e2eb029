"""✨ under the gallery: the second pass alone, over the selected picture."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import gradio as gr
from pydantic import ValidationError

from modules.engine.request import Txt2Img
from modules.foundation.errors import AtelierError, UserError
from modules.studio import inputs
from modules.web import handlers, pictures
from modules.web.registry import Registry
from modules.web.security import user_of

if TYPE_CHECKING:
    from modules.studio.context import Studio
    from modules.studio.result import SavedImage

SAVES_FIRST = "save_images_before_highres_fix"


@dataclass(frozen=True, slots=True)
class Upscale:
    """The button's handler: (job id, picture's name, override settings, *values of the tab) -> reply."""

    studio: Studio
    registry: Registry
    tab: str

    def __call__(
        self, request: gr.Request, id: str, selected: str, overrides: list[str] | None, *values: Any
    ) -> handlers.Reply:
        user = user_of(request)
        try:
            picture = pictures.find(self.studio, selected, user)
            shown = {**self.registry.values(self.tab, values), **_of_picture(self.studio, picture)}
            entries = [*(overrides or []), f"{SAVES_FIRST}: False"]
            wanted = handlers.request_of(self.studio, Txt2Img, shown, entries)
            job = self.studio.jobs.submit(handlers.kind_of(Txt2Img), wanted, owner=user, id=id or None)
        except ValidationError as error:
            return {"id": id, **handlers.explained(error, self.registry, self.tab)}
        except AtelierError as error:
            return {"id": id, "error": str(error)}
        return {"id": job.id}


def bind(studio: Studio, registry: Registry, tab: str, button: gr.Button, overrides: gr.Dropdown) -> None:
    """Make the button of a tab work; the page puts what comes in the selected picture's place."""
    job = gr.Textbox(elem_id=f"{tab}_upscale_task", visible="hidden")
    selected = gr.Textbox(elem_id=f"{tab}_upscale_of", visible="hidden")
    reply = gr.JSON(elem_id=f"{tab}_upscale_reply", visible="hidden")
    button.click(
        Upscale(studio, registry, tab),
        [job, selected, overrides, *registry.inputs(tab)],
        reply,
        js=f"(...values) => atelier.upscale('{tab}', values)",
        **handlers.QUIET,
    ).then(None, reply, None, js=f"(reply) => atelier.submitted('{tab}', reply)")


def _of_picture(studio: Studio, picture: SavedImage) -> dict[str, Any]:
    """The fields of a request that runs the second pass over a picture. Raises UserError for a grid."""
    if picture.grid:
        raise UserError("A grid cannot be enlarged as one picture: choose one of those it is made of.")
    image = picture.open()
    file = BytesIO()
    image.convert("RGB").save(file, "PNG", compress_level=1)
    return {
        "enable_hr": True,
        "firstpass_image": inputs.keep(studio, file.getvalue()),
        "batch_size": 1,
        "n_iter": 1,
        "seed": picture.seed,
        "subseed": picture.subseed,
        "width": image.width,
        "height": image.height,
        "script_name": None,
    }
