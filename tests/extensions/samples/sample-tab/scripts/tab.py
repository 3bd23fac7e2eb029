"""Callbacks: a tab of its own, a route, and a change to what is pasted."""

import gradio as gr

from modules import script_callbacks, scripts

HERE = scripts.basedir()


def tabs():
    with gr.Blocks() as blocks:
        gr.HTML("made by a stranger", elem_id="sample_tab_content")
    return [(blocks, "Sample tab", "sample_tab")]


def started(blocks, app):
    @app.get("/sample-tab/where")
    def where():
        return {"basedir": HERE}


def pasted(infotext, labels):
    if labels.get("Steps") == "99":
        labels["Steps"] = "9"


script_callbacks.on_ui_tabs(tabs)
script_callbacks.on_app_started(started)
script_callbacks.on_infotext_pasted(pasted)
