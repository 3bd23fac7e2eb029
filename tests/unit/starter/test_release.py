"""The shipped file is the one that was measured, it is small enough, and training can go on from it."""

import hashlib
from pathlib import Path

import pytest
import torch
import yaml

from starter import export, generate, latents, state, text, tokens
from starter.resume import resume

SHA256 = "fc1e0eb39ebdd6b3d8d77405d1d0c323fc059288290e316c77bd5b610352402d"


def test_the_file_is_the_one_that_was_measured() -> None:
    assert hashlib.sha256(export.FILE.read_bytes()).hexdigest() == SHA256
    assert export.FILE.stat().st_size <= 50_000_000


def test_the_yaml_is_what_an_export_writes() -> None:
    written = yaml.safe_load(export.FILE.with_suffix(".yaml").read_text(encoding="utf-8"))
    fit = written["atelier"]["preview"]
    assert written == export.config((fit["weight"], fit["bias"]))


def test_training_resumes_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "FOLDER", tmp_path)
    resume()
    starter, (denoiser, autoencoder, encoder) = generate.trained(), export.loaded(export.FILE)
    words = tokens.ids(["a red circle on a blue background"])
    with torch.no_grad():
        before = encoder(words).last_hidden_state
        torch.testing.assert_close(starter.encoder(tokens.compact(words)).last_hidden_state, before)
        x, t = torch.randn(1, 4, 16, 16), torch.tensor([500])
        torch.testing.assert_close(starter.unet(x, t, before).sample, denoiser(x, t, before).sample)
    again = export.with_usual_scale(starter)
    for name, value in autoencoder.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=1e-5, atol=1e-5)
    with pytest.raises(FileExistsError, match="already holds a state"):
        resume()


def test_words_that_the_file_does_not_know_begin_as_the_neutral_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "FOLDER", tmp_path)
    monkeypatch.setattr(tokens, "vocabulary", lambda: ["a red circle", "xylophone"])
    tokens.known.cache_clear()
    try:
        resume()
        weights = text.trained().state_dict()
        table = next(value for key, value in weights.items() if key.endswith("token_embedding.weight"))
        new = tokens.compact(tokens.ids(["xylophone"]))[0, 1]
        assert new != len(tokens.known())
        assert torch.equal(table[new], table[-1])
        assert latents.statistics()[0].eq(0).all()
    finally:
        tokens.known.cache_clear()
