"""The canvas: paint, take back, keep; files of every kind; mouse, fingers and keys."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.acts import arrive, said
from tests.browser.painting import SKY, drop, kept, layer, load, open_tab, paint, sky, spot


@pytest.fixture
def canvas(page, tmp_path: Path) -> str:
    """The inpaint tab's canvas with 64x64 pixels of sky on it."""
    found = open_tab(page)
    load(page, found, sky(tmp_path / "sky.png"))
    return found


def painted(page, studio, **more) -> np.ndarray:
    mask = layer(page, studio, **more)
    return np.zeros((64, 64), np.uint8) if mask is None else np.asarray(mask)


def test_a_stroke_is_where_the_mouse_was(page, studio, canvas):
    paint(page, canvas, (0.25, 0.5), (0.5, 0.5))
    mask = painted(page, studio, after=None)
    assert mask.shape == (64, 64) and mask[32, 24] == 255
    assert mask[32, 60] == 0 and mask[10, 24] == 0
    rows, columns = np.nonzero(mask)
    assert rows.min() > 24 and rows.max() < 40 and columns.min() > 10 and columns.max() < 40


def test_fifty_steps_can_be_taken_back_and_made_again(page, studio, canvas):
    for n in range(52):
        paint(page, canvas, (0.1 + (n % 13) * 0.06, 0.1 + (n // 13) * 0.2))
    full = painted(page, studio, after=None)
    id = kept(page)["mask"]
    for _ in range(52):
        page.keyboard.press("Control+z")
    assert layer(page, studio, after=id) is None
    assert page.is_disabled(f"{canvas} .undo")
    for _ in range(51):
        page.keyboard.press("Control+Shift+z")
    fewer = painted(page, studio, after=None)
    assert 0 < np.count_nonzero(full != fewer) < 64 * 64 / 20
    page.keyboard.press("Control+y")
    assert np.array_equal(painted(page, studio, after=kept(page)["mask"]), full)


def test_what_is_painted_survives_tabs_a_resize_and_a_reload(page, studio, canvas):
    paint(page, canvas, (0.3, 0.3), (0.6, 0.6))
    before = painted(page, studio, after=None)
    page.click("#tab_txt2img-button")
    page.click("#tab_inpaint-button")
    page.set_viewport_size({"width": 1000, "height": 700})
    page.click("#inpaint_inpaint_sketch_tab-button")
    page.click("#inpaint_inpaint_tab-button")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.reload()
    arrive(page)
    open_tab(page)
    page.wait_for_selector(f"{canvas} .canvas-stage.filled")
    assert np.array_equal(painted(page, studio), before)
    id = kept(page)["mask"]
    page.locator(f"{canvas} .canvas-stage").evaluate("it => it.scrollIntoView({block: 'center'})")
    paint(page, canvas, (0.8, 0.2))
    after = painted(page, studio, after=id)
    assert (after >= before).all() and after[12, 51] == 255, "a stroke is added to what an earlier visit painted"


def test_a_file_that_is_no_picture_is_named_and_nothing_is_lost(page, studio, canvas):
    paint(page, canvas, (0.5, 0.5))
    before = painted(page, studio, after=None)
    drop(page, canvas, "fake.png", "image/png", b"not a picture at all")
    assert "not a picture" in said(page)
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "PNG")
    drop(page, canvas, "half.png", "image/png", buffer.getvalue()[:60])
    page.wait_for_function("[...document.querySelectorAll('.toast')].some(it => it.innerText.includes('damaged'))")
    assert np.array_equal(painted(page, studio), before)


@pytest.mark.parametrize("kind", ["cmyk.jpg", "deep.png", "moving.gif", "scan.tif", "turned.jpg"])
def test_pictures_of_every_kind_can_be_painted_on(page, tmp_path, kind):
    picture = Image.new("RGB", (40, 24), SKY)
    file = tmp_path / kind
    if kind == "cmyk.jpg":
        picture.convert("CMYK").save(file)
    elif kind == "deep.png":
        Image.fromarray(np.full((24, 40), 40000, np.uint16)).save(file)
    elif kind == "moving.gif":
        picture.save(file, save_all=True, append_images=[Image.new("RGB", (40, 24))])
    elif kind == "turned.jpg":
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.rotate(90, expand=True).save(file, exif=exif)
    else:
        picture.save(file)
    canvas = open_tab(page, "img2img")
    load(page, canvas, file)
    page.click("#img2img_detect_image_size_btn")
    page.click("#img2img_tab_resize_by-button")
    page.wait_for_function(
        "document.getElementById('img2img_scale_resolution_preview').innerText.includes('from 40×24')"
    )


def test_fingers_paint_and_two_of_them_move(visit, studio, tmp_path):
    phone = visit(390, 844, touch=True)
    canvas = open_tab(phone)
    load(phone, canvas, sky(tmp_path / "sky.png"))
    touch = phone.context.new_cdp_session(phone)

    def send(kind: str, *points: tuple[float, float]) -> None:
        where = [dict(zip("xy", spot(phone, canvas, *point), strict=True)) for point in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    send("touchStart", (0.3, 0.5))
    for n in range(5):
        send("touchMove", (0.3 + n * 0.1, 0.5))
    send("touchEnd")
    mask = painted(phone, studio, after=None)
    assert mask[32, 32] == 255 and mask[10, 32] == 0
    id = kept(phone)["mask"]
    send("touchStart", (0.3, 0.3))
    send("touchStart", (0.3, 0.3), (0.6, 0.6))
    for n in range(4):
        send("touchMove", (0.3 - n * 0.05, 0.3), (0.6 + n * 0.05, 0.6))
    send("touchEnd")
    phone.wait_for_timeout(1200)
    assert kept(phone)["mask"] == id, "moving and zooming paint nothing"
    scroll = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert phone.evaluate(scroll) <= 0


def test_keys_choose_tools_sizes_and_the_view(page, studio, canvas):
    page.mouse.move(*spot(page, canvas, 0.5, 0.5))
    pressed = f"{canvas} .canvas-button[aria-pressed=true]:not(.pressure)"
    for key, tool in (("e", "eraser"), ("l", "lasso"), ("g", "fill"), ("h", "hand"), ("t", "frame"), ("b", "brush")):
        page.keyboard.press(key)
        assert page.get_attribute(pressed, "data-tool") == tool
    size = page.inner_text(f"{canvas} .canvas-slider output >> nth=0")
    page.keyboard.press("w")
    assert int(page.inner_text(f"{canvas} .canvas-slider output >> nth=0").split()[0]) > int(size.split()[0])
    page.keyboard.press("s")
    assert page.locator(canvas).bounding_box()["width"] > 1400
    page.keyboard.press("Escape")
    assert page.locator(canvas).bounding_box()["width"] < 1000
    page.keyboard.press("?")
    assert "Ctrl+Z" in page.inner_text(f"{canvas} .canvas-help")
    page.keyboard.press("?")
    page.fill("#inpaint_prompt textarea", "")
    page.type("#inpaint_prompt textarea", "best")
    assert page.input_value("#inpaint_prompt textarea") == "best", "what is typed is not the canvas's"


def test_eraser_lasso_and_fill(page, studio, canvas):
    page.mouse.move(*spot(page, canvas, 0.5, 0.5))
    page.keyboard.press("l")
    paint(page, canvas, (0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
    square = painted(page, studio, after=None)
    assert square[32, 32] == 255 and square[5, 5] == 0 and square[58, 58] == 0
    page.keyboard.press("e")
    paint(page, canvas, (0.5, 0.5))
    hole = painted(page, studio, after=kept(page)["mask"])
    assert hole[32, 32] == 0 and hole[16, 16] == 255
    page.keyboard.press("g")
    paint(page, canvas, (0.5, 0.5))
    assert painted(page, studio, after=kept(page)["mask"])[32, 32] == 255
    paint(page, canvas, (0.05, 0.05))
    assert painted(page, studio, after=kept(page)["mask"]).min() == 255


MODULES = """async () => {
  const at = (name) => import(`/assets-atelier/js/${name}.js`);
  const [{ Tiles }, { Stroke }, { encode, decode }, { flood }, { History }] = await Promise.all(
    ["canvas-tiles", "canvas-stroke", "canvas-png", "canvas-flood", "canvas-history"].map(at));
  const frame = { x: -300, y: -20, width: 900, height: 700 };
  const color = { color: [200, 40, 10], opacity: 1, erase: false };
  const draw = (tiles, ink, times) => {
    const stroke = new Stroke(tiles, ink, frame);
    for (let n = 0; n < times; n++) stroke.line({ x: -250, y: 10, r: 30 }, { x: 500, y: 600, r: 60 }, 0.7);
    return stroke.pieces();
  };
  const bytes = (tiles) => tiles.rows(frame, 0, frame.height);
  const same = (a, b) => a.length === b.length && a.every((value, n) => value === b[n]);
  const found = {};
  for (const channels of [1, 4]) {
    const [once, twice, back] = [new Tiles(channels), new Tiles(channels), new Tiles(channels)];
    const ink = channels === 1 ? { erase: false } : color;
    draw(once, ink, 1);
    draw(twice, ink, 2);
    found[`once${channels}`] = same(bytes(once), bytes(twice)) && bytes(once).some((value) => value > 0 && value < 255);
    const file = await encode(once, frame);
    await decode(file, back, frame);
    const [was, is] = [bytes(once), bytes(back)];
    // A browser reads the colour of half-transparent paint back with an error of its own.
    const near = (value, n) => Math.abs(value - is[n]) * was[n | 3] <= 255 * 2;
    const exact = (n) => channels === 1 || n % 4 === 3;
    found[`file${channels}`] = was.every((value, n) => (exact(n) ? value === is[n] : near(value, n)));
  }
  const tiles = new Tiles(1);
  const history = new History(1e9);
  const states = [bytes(tiles)];
  for (let n = 0; n < 60; n++) {
    const stroke = new Stroke(tiles, { erase: n % 5 === 4 }, frame);
    stroke.line({ x: n * 9 - 280, y: 40, r: 25 }, { x: 500 - n * 9, y: 600, r: 25 }, 0.3);
    history.push(stroke.pieces());
    states.push(bytes(tiles));
  }
  found.packed = history.bytes;
  found.undone = true;
  for (let n = 59; n >= 0; n--) { await history.undo(() => {}); found.undone &&= same(bytes(tiles), states[n]); }
  for (let n = 1; n <= 60; n++) { await history.redo(() => {}); found.undone &&= same(bytes(tiles), states[n]); }
  const walls = Uint8Array.from({ length: 25 }, (_, n) => (n % 5 === 2 ? 0 : 1));
  found.flood = [...flood(walls, 5, 5, 0, 0)].map((value) => (value ? 1 : 0)).join("");
  return found;
}"""


def test_layers_are_exact(page):
    found = page.evaluate(MODULES)
    assert found["once1"] and found["once4"], "one stroke over itself is as soft as once"
    assert found["file1"] and found["file4"], "a layer comes back from its file as it was"
    assert found["undone"], "sixty strokes taken back and made again"
    assert found["flood"] == "11100" * 5, "a region, and one pixel of its border"
