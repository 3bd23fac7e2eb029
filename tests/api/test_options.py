"""GET and POST /sdapi/v1/options, as clients use them to switch checkpoints."""

from __future__ import annotations

import json

import pytest


def options(api):
    return api.client.get("/sdapi/v1/options").json()


def change(api, **values):
    return api.client.post("/sdapi/v1/options", json=values)


def test_every_setting_is_listed_under_its_key(api):
    got = options(api)
    assert set(api.studio.settings.declared()) <= set(got)
    assert (got["samples_format"], got["CLIP_stop_at_last_layers"], got["eta_ancestral"]) == ("png", 1, 1.0)


def test_the_whole_answer_may_be_sent_back(api):
    before = options(api)
    file = api.studio.paths.config
    stamp = file.stat().st_mtime_ns if file.exists() else None
    answer = change(api, **before)
    assert (answer.status_code, answer.json()) == (200, None)
    assert options(api) == before
    assert (file.stat().st_mtime_ns if file.exists() else None) == stamp, "nothing was written"
    assert api.painter.loaded == []


def test_a_change_is_kept(api):
    assert change(api, samples_format="webp", jpeg_quality=70).status_code == 200
    assert options(api)["samples_format"] == "webp"
    kept = json.loads(api.studio.paths.config.read_text())
    assert (kept["samples_format"], kept["jpeg_quality"]) == ("webp", 70)


def test_unknown_keys_are_tolerated(api):
    before = options(api)
    assert change(api, ddim_discretize="uniform", nobody=[1]).status_code == 200
    assert options(api) == before


def test_a_fraction_for_a_whole_number_is_cut(api):
    assert change(api, jpeg_quality=71.9).status_code == 200
    assert options(api)["jpeg_quality"] == 71


def test_a_value_that_does_not_fit_changes_nothing(api):
    before = options(api)
    answer = change(api, samples_format="webp", jpeg_quality=1000)
    assert answer.status_code == 422
    assert "jpeg_quality" in answer.json()["detail"]
    assert options(api) == before


def test_settings_that_cannot_be_written_do_not_change(api, monkeypatch):
    def closed(*_args, **_kwargs):
        raise OSError(30, "Read-only file system")

    before = options(api)
    with monkeypatch.context() as broken:
        broken.setattr("modules.foundation.settings.atomic.write", closed)
        answer = change(api, samples_format="webp")
    assert answer.status_code == 422
    assert "config.json cannot be written (Read-only file system)" in answer.json()["detail"]
    assert options(api) == before


def test_the_checkpoint_is_the_title_that_sd_models_lists(api):
    models = api.client.get("/sdapi/v1/sd-models").json()
    assert options(api)["sd_model_checkpoint"] in [model["title"] for model in models]


@pytest.mark.parametrize("name", ["sub/two.safetensors", "sub_two", "two", "two.safetensors"])
def test_a_checkpoint_is_chosen_by_any_of_its_names(api, name):
    change(api, sd_model_checkpoint="one.safetensors")
    api.painter.loaded.clear()
    assert change(api, sd_model_checkpoint=name).status_code == 200
    assert options(api)["sd_model_checkpoint"].startswith("sub/two.safetensors")
    assert api.painter.loaded == ["sub/two.safetensors"], "loaded before the answer"


def test_a_checkpoint_is_chosen_by_its_hash(api):
    file = api.studio.catalog.sha256(api.studio.catalog.find_checkpoint("two"))
    assert change(api, sd_model_checkpoint=file.hash).status_code == 200
    got = options(api)
    assert got["sd_model_checkpoint"] == f"sub/two.safetensors [{file.hash}]"
    assert got["sd_checkpoint_hash"] == file.sha256
    assert change(api, sd_model_checkpoint=got["sd_model_checkpoint"]).status_code == 200


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_checkpoint_is_no_choice(api, nothing):
    change(api, sd_model_checkpoint="two")
    before = options(api)
    assert change(api, sd_model_checkpoint=nothing).status_code == 200
    assert options(api) == before


def test_an_unknown_checkpoint_changes_nothing(api):
    before = options(api)
    answer = change(api, sd_model_checkpoint="nobody", samples_format="webp")
    assert answer.status_code == 422
    assert answer.json()["error"] == "RuntimeError"
    assert answer.json()["errors"] == "model 'nobody' not found"
    assert options(api) == before


def test_a_checkpoint_that_does_not_load_changes_nothing(api):
    change(api, sd_model_checkpoint="one.safetensors")
    before = options(api)
    answer = change(api, sd_model_checkpoint="broken.safetensors")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "broken.safetensors is damaged."
    assert options(api) == before


def test_a_slash_at_the_end_is_no_redirect(api):
    assert api.client.get("/sdapi/v1/options/").json() == options(api)
    answer = api.client.post("/sdapi/v1/options/", json={"samples_format": "webp"})
    assert (answer.status_code, answer.history) == (200, [])
    assert options(api)["samples_format"] == "webp"


def test_unload_and_reload_take_the_bodies_clients_send(api):
    for body in ({"json": ""}, {"json": {}}, {}):
        assert api.client.post("/sdapi/v1/unload-checkpoint", **body).json() == {}
        assert api.client.post("/sdapi/v1/reload-checkpoint", **body).json() == {}
    assert api.painter.loaded == ["unload", "reload"] * 3
