"""What a user does on the canvas, in the words of the tests. `TAB` is the inpaint tab unless a test says another."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

PLACES = {
    "img2img": "img2img_image",
    "sketch": "img2img_sketch",
    "inpaint": "img2maskimg",
    "inpaint_sketch": "inpaint_sketch",
}
SKY = (120, 180, 230)


def sky(path: Path, size: tuple[int, int] = (64, 64)) -> Path:
    """A picture of nothing but sky, as a file."""
    Image.new("RGB", size, SKY).save(path)
    return path


def place(tab: str, mode: str) -> str:
    """Selector of a mode's canvas."""
    return f"#{PLACES[mode] if tab == 'img2img' else f'{tab}_{PLACES[mode]}'} .canvas"


def open_tab(page: Any, tab: str = "inpaint", mode: str | None = None) -> str:
    """Open a tab, and a mode of it; answers with the selector of its canvas once everything is wired."""
    page.click(f"#tab_{tab}-button")
    page.wait_for_function(f"document.documentElement.dataset.{tab} === 'ready'")
    mode = mode or tab
    if mode != tab:
        page.click(f"#{tab}_{'img2img_sketch' if mode == 'sketch' else mode}_tab-button")
    page.wait_for_selector(place(tab, mode))
    return place(tab, mode)


def load(page: Any, canvas: str, file: Path) -> None:
    """Choose a file for an empty canvas."""
    with page.expect_file_chooser() as chooser:
        page.click(f"{canvas} .canvas-empty")
    chooser.value.set_files(file)
    page.wait_for_selector(f"{canvas} .canvas-stage.filled")
    page.locator(f"{canvas} .canvas-stage").evaluate("it => it.scrollIntoView({block: 'center'})")


def drop(page: Any, canvas: str, name: str, kind: str, data: bytes) -> None:
    """Drop a file on the canvas."""
    page.evaluate(
        """([stage, name, kind, bytes]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, {type: kind}));
        document.querySelector(stage).dispatchEvent(
            new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})) }""",
        [f"{canvas} .canvas-stage", name, kind, list(data)],
    )


def spot(page: Any, canvas: str, x: float, y: float) -> tuple[float, float]:
    """Where on the screen a point of a square picture is; `x` and `y` are 0 to 1."""
    box = page.locator(f"{canvas} .canvas-stage").bounding_box()
    side = min(box["width"], box["height"]) - 24
    return box["x"] + box["width"] / 2 + (x - 0.5) * side, box["y"] + box["height"] / 2 + (y - 0.5) * side


def paint(page: Any, canvas: str, *points: tuple[float, float]) -> None:
    """One stroke with the mouse through points of a square picture."""
    page.mouse.move(*spot(page, canvas, *points[0]))
    page.mouse.down()
    for point in points:
        page.mouse.move(*spot(page, canvas, *point), steps=4)
    page.mouse.up()


def kept(page: Any, tab: str = "inpaint", mode: str = "inpaint") -> dict[str, Any]:
    """What the page remembers of a painting."""
    return json.loads(page.evaluate(f"localStorage.getItem('atelier_canvas_{tab}')") or "{}").get(mode, {})


def layer(
    page: Any, studio: Any, name: str = "mask", *, after: str | None = "", tab: str = "inpaint", mode: str = "inpaint"
) -> Image.Image | None:
    """A layer as the server keeps it, once it is another than `after`; None where nothing is painted."""
    page.wait_for_function(
        """([key, mode, name, after]) => { const kept = JSON.parse(localStorage.getItem(key) ?? '{}')[mode];
        return kept && kept[name] !== after }""",
        arg=[f"atelier_canvas_{tab}", mode, name, after],
    )
    id = kept(page, tab, mode)[name]
    if id is None:
        return None
    return Image.open(
        io.BytesIO(httpx.get(f"{studio.url}/atelier/v1/layers/{id}", timeout=30).raise_for_status().content)
    )


def generate(page: Any, tab: str = "inpaint") -> None:
    """Press Generate of a tab and wait for its picture."""
    shown = f"#{tab}_gallery .gallery"
    before = page.locator(shown).get_attribute("data-job") or ""
    page.click(f"#{tab}_generate")
    page.wait_for_function(f"document.querySelector('{shown}').dataset.job !== {before!r}")
    page.wait_for_selector(f"#{tab}_generate_box:not([data-state=running]):not([data-state=stopping])")
    page.wait_for_function(f"document.querySelector('#{tab}_gallery .stage-picture img').naturalWidth > 0")


def results(studio: Any) -> list[Path]:
    """Every saved picture of img2img, the oldest first."""
    found = (studio.data / "outputs" / "img2img-images").rglob("*.png")
    return sorted(found, key=lambda path: path.stat().st_mtime)


def fill(page: Any, id: str, value: object) -> None:
    """Type a number into the control of this id and leave it."""
    box = page.locator(f"#{id} input[type=number]").first
    box.fill(str(value))
    box.press("Tab")
