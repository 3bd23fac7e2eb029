"""Styles through the API: listed as A1111 lists them, used by name, changed by the page's editor."""

from __future__ import annotations


def test_styles_are_kept_and_used(api):
    assert api.client.get("/sdapi/v1/prompt-styles").json() == []
    style = {"name": "oil", "prompt": "oil painting of {prompt}", "negative_prompt": "photo"}
    assert api.client.post("/atelier/v1/styles", json=style).json() == {"name": "oil"}
    assert api.client.get("/sdapi/v1/prompt-styles").json() == [style]
    assert (api.studio.paths.data / "styles.csv").is_file()
    count = api.client.post("/atelier/v1/token-count", json={"prompt": "cat", "styles": ["oil"]}).json()
    assert (count["prompt"]["tokens"], count["negative_prompt"]["tokens"]) == (4, 1)
    assert api.client.post("/atelier/v1/styles/delete", json={"name": "oil"}).status_code == 200
    assert api.client.get("/sdapi/v1/prompt-styles").json() == []


def test_what_cannot_be_kept_is_told(api):
    answer = api.client.post("/atelier/v1/styles", json={"name": "#x", "prompt": "y"})
    assert answer.status_code == 422 and "#" in str(answer.json())
    answer = api.client.post("/atelier/v1/styles/delete", json={"name": "nonesuch"})
    assert answer.status_code >= 400 and "nonesuch" in str(answer.json())
