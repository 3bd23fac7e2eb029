"""How the page looks and listens: widths, themes, keys, names for screen readers, settings."""

from __future__ import annotations

import httpx

from tests.browser.acts import PROMPT, arrive, said

WEIGHTS = [
    ("a cat sits", (2, 2), "ArrowUp", "a (cat:1.1) sits"),
    ("a (cat:1.1) sits", (4, 4), "ArrowUp", "a (cat:1.2) sits"),
    ("a (cat:1.1) sits", (4, 4), "ArrowDown", "a cat sits"),
    ("a cat sits", (2, 2), "ArrowDown", "a (cat:0.9) sits"),
    ("a black cat, sits", (2, 11), "ArrowUp", "a (black cat:1.1), sits"),
    ("a ((cat)) sits", (5, 5), "ArrowUp", "a (cat:1.3) sits"),
    ("a [cat] sits", (4, 4), "ArrowUp", "a cat sits"),
    ("(one:1.2), two", (11, 11), "ArrowUp", "(one:1.2), (two:1.1)"),
]


def test_token_counts_follow_what_is_typed(page):
    count = "document.getElementById('{}').innerText.trim()"
    assert page.inner_text("#txt2img_token_counter") == "0/75"
    page.type(PROMPT, "a red circle")
    page.wait_for_function(f"{count.format('txt2img_token_counter')} === '3/75'")
    page.fill(PROMPT, "word " * 80)
    page.wait_for_function(f"{count.format('txt2img_token_counter')} === '80/150'")
    assert page.inner_text("#txt2img_negative_token_counter") == "0/75"


def test_clear_can_be_undone(page):
    page.fill(PROMPT, "precious")
    page.click("#txt2img_clear_prompt")
    assert page.input_value(PROMPT) == ""
    page.click(".toast-action")
    assert page.input_value(PROMPT) == "precious"


def test_weights_by_keys(page):
    for text, selection, key, expected in WEIGHTS:
        page.fill(PROMPT, text)
        page.eval_on_selector(PROMPT, "(box, at) => box.setSelectionRange(...at)", list(selection))
        page.keyboard.press(f"Control+{key}")
        assert page.input_value(PROMPT) == expected, (text, key)


def test_no_sideways_scrolling(page):
    for tab in ("txt2img", "img2img", "inpaint", "pnginfo", "settings"):
        page.click(f"#tab_{tab}-button")
        page.wait_for_selector(f"#tab_{tab}", state="visible")
        for width in (360, 390, 768, 1024, 1440):
            page.set_viewport_size({"width": width, "height": 844})
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{tab} at {width}"


def test_the_gallery_is_the_largest_thing(page):
    area = "id => { const r = document.getElementById(id).getBoundingClientRect(); return r.width * r.height }"
    sizes = {id: page.evaluate(area, id) for id in ("txt2img_gallery", "txt2img_settings", "txt2img_toprow")}
    assert max(sizes, key=sizes.__getitem__) == "txt2img_gallery"


def test_on_a_phone_pictures_come_before_settings(page):
    page.set_viewport_size({"width": 390, "height": 844})
    tops = page.evaluate(
        "['txt2img_prompt', 'txt2img_generate', 'txt2img_gallery', 'txt2img_settings']"
        ".map(id => document.getElementById(id).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)


def brightness(page) -> float:
    """Of the page's background, 0 to 255."""
    numbers = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number)")
    return sum(numbers[:3]) / 3


def test_the_theme_follows_the_system(page):
    assert brightness(page) > 200
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.body.classList.contains('dark')")
    assert brightness(page) < 60


def test_the_theme_switch_is_remembered(visit):
    page = visit(theme="light")
    page.click("#theme_toggle")
    assert brightness(page) < 60
    page.reload()
    arrive(page)
    assert brightness(page) < 60
    page.click("#theme_toggle")
    assert brightness(page) > 200


def test_the_address_asks_for_a_theme(visit):
    assert brightness(visit(theme="light", query="?__theme=dark")) < 60
    assert brightness(visit(theme="dark", query="?__theme=light")) > 200


CONTRAST = """() => {
  const parse = (color) => (color.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (el) => { for (; el; el = el.parentElement) { const c = parse(getComputedStyle(el).backgroundColor);
    if (c.length < 4 || c[3] > 0.9) return c; } return [255, 255, 255]; };
  const weak = [];
  for (const el of document.querySelectorAll('#tab_txt2img *, #quicksettings *, .tab-container *')) {
    const own = [...el.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const style = getComputedStyle(el);
    if (!own || !el.offsetParent || parseFloat(style.fontSize) < 1 || style.clipPath !== 'none') continue;
    const [a, b] = [lum(parse(style.color)), lum(behind(el))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 3.4) weak.push([el.tagName, el.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
  }
  return weak;
}"""


def test_text_can_be_read(page):
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(f"document.body.classList.contains('dark') === {str(theme == 'dark').lower()}")
        page.wait_for_function("!document.getAnimations().some((one) => one instanceof CSSTransition)")
        assert page.evaluate(CONTRAST) == [], theme


def test_every_control_has_a_name(page):
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, textarea, select')].filter((el) => el.offsetParent)
        .filter((el) => !(el.getAttribute('aria-label') || el.labels?.length || el.title || el.closest('label')
            || el.innerText.trim())).map((el) => el.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_icons_are_named_in_words(page):
    for id in ("paste", "txt2img_clear_prompt", "txt2img_random_seed", "save_txt2img", "theme_toggle"):
        assert len(page.get_attribute(f"#{id}", "aria-label")) > 8


def test_settings_are_applied_together(page, studio):
    page.click("#tab_settings-button")
    page.fill("#settings_search textarea, #settings_search input", "penultimate jpeg quality nothing has this")
    page.wait_for_function("!document.querySelector('#setting_jpeg_quality').offsetParent")
    page.fill("#settings_search textarea, #settings_search input", "jpeg")
    page.wait_for_selector("#setting_jpeg_quality", state="visible")
    page.fill("#setting_jpeg_quality input[type=number]", "91")
    page.press("#setting_jpeg_quality input[type=number]", "Tab")
    page.click("#settings_submit")
    page.wait_for_function("document.getElementById('settings_result').innerText.includes('jpeg_quality')")
    assert studio.get("/sdapi/v1/options")["jpeg_quality"] == 91
    page.reload()
    arrive(page)
    page.click("#tab_settings-button")
    page.wait_for_function("document.querySelector('#setting_jpeg_quality input[type=number]')?.value === '91'")


def test_a_setting_that_does_not_fit_is_refused(page, studio):
    page.click("#tab_settings-button")
    page.fill("#setting_outdir_samples input, #setting_outdir_samples textarea", "x" * 10)
    page.fill("#setting_jpeg_quality input[type=number]", "1000")
    page.press("#setting_jpeg_quality input[type=number]", "Tab")
    now = page.input_value("#setting_jpeg_quality input[type=number]")
    page.click("#settings_submit")
    if float(now) > 100:
        assert "jpeg_quality" in said(page)
    assert studio.get("/sdapi/v1/options")["jpeg_quality"] <= 100
    # The box may have mended the number itself; then the folder was taken, and other tests look for pictures.
    httpx.post(f"{studio.url}/sdapi/v1/options", json={"outdir_samples": ""}, timeout=30).raise_for_status()
