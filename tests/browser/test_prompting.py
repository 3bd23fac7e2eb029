"""Styles, chunk borders, words moved by keys, generating forever, replay: as a user does them."""

from __future__ import annotations

from tests.browser.acts import PROMPT, finish, generate, number, shows

MOVES = [
    ("one, two, three", (6, 6), "ArrowRight", "one, three, two"),
    ("one, two, three", (6, 6), "ArrowLeft", "two, one, three"),
    ("one, two, three", (1, 6), "ArrowRight", "three, one, two"),
    ("one,\n two", (1, 1), "ArrowRight", "two,\n one"),
    ("one, two", (1, 1), "ArrowLeft", "one, two"),
]
TAGS = [
    ("a <lora:ink:0.8> b", "ArrowUp", "a <lora:ink:0.85> b"),
    ("a <lora:ink> b", "ArrowDown", "a <lora:ink:0.95> b"),
    ("a <lora:ink:0.8:0.5> b", "ArrowUp", "a <lora:ink:0.85:0.5> b"),
]


def at(page, text, place, keys):
    page.fill(PROMPT, text)
    page.eval_on_selector(PROMPT, "(box, at) => box.setSelectionRange(...at)", list(place))
    page.keyboard.press(keys)
    return page.input_value(PROMPT)


def test_words_change_places(page):
    for text, place, key, expected in MOVES:
        assert at(page, text, place, f"Alt+{key}") == expected, (text, key)


def test_weights_of_networks(page):
    for text, key, expected in TAGS:
        assert at(page, text, (6, 6), f"Control+{key}") == expected


def test_where_chunks_end_and_what_is_amiss(page):
    page.fill(PROMPT, "word " * 74 + "river hill BREAK (end")
    shows(page, "txt2img_token_under", "word word word word river")
    shows(page, "txt2img_token_under", "Brackets without a partner: 1 × (")
    page.fill(PROMPT, "fine")
    page.wait_for_function("!document.getElementById('txt2img_token_under').innerText.trim()")


def test_a_style_from_its_making_to_its_end(page, studio):
    page.click("#txt2img_styles_edit_button")
    page.fill("#txt2img_styles_edit_select", "oil")
    page.fill("#txt2img_styles_edit_prompt", "oil painting of {prompt}")
    page.click("#txt2img_styles_edit_save")
    page.wait_for_selector(".toast p:has-text('saved')")
    page.click("#txt2img_styles_edit_close")
    page.fill(PROMPT, "a cat")
    page.click("#txt2img_styles input")
    page.click("ul[role=listbox] li:has-text('oil')")
    shows(page, "txt2img_token_counter", "5/75")
    generate(page)
    finish(page)
    assert page.inner_text("#html_info_txt2img").startswith("oil painting of a cat")
    page.click("#txt2img_style_apply")
    page.wait_for_function(f"document.querySelector('{PROMPT}').value === 'oil painting of a cat'")
    page.click("#txt2img_send_to_txt2img")  # pasting takes it out of the prompt again
    page.wait_for_function(f"document.querySelector('{PROMPT}').value === 'a cat'")
    page.click("#txt2img_styles_edit_button")
    page.fill("#txt2img_styles_edit_select", "oil")
    page.wait_for_selector("#txt2img_styles_edit_delete:visible")
    page.click("#txt2img_styles_edit_delete")
    page.wait_for_function("document.getElementById('txt2img_styles_edit_delete').hidden")
    assert studio.get("/sdapi/v1/prompt-styles") == []


def test_generating_forever(page):
    number(page, "steps").fill("1")
    page.fill(PROMPT, "again")
    page.click("#txt2img_generate", button="right")
    page.click(".context-menu button:has-text('Generate forever')")
    jobs = "new Set(performance.getEntriesByType('resource').map((e) => e.name.match(/jobs\\/([^/]*)$/)?.[1])).size"
    page.wait_for_function(f"{jobs} > 3")
    page.click("#txt2img_generate_box", button="right")
    page.click(".context-menu button:has-text('Cancel generate forever')")
    finish(page)


def test_a_picture_is_replayed(page):
    generate(page, "a red circle")
    finish(page)
    page.click("#txt2img_send_to_pnginfo")
    page.wait_for_selector("#pnginfo_html_info section")
    page.click("#pnginfo_replay_button")
    page.wait_for_selector("#pnginfo_replay .verdict.same")
    assert page.locator("#pnginfo_replay figure img").count() == 2
