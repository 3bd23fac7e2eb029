"""Every model family, newest last: name as `weights.recognise` gives it -> Family. Imports no torch."""

from __future__ import annotations

from modules.families.types import Family, PreviewMap, Variant

FAMILIES = (
    Family("sd1", "Stable Diffusion 1.x", config="sd1", native_resolution=512, has_clip_skip=True),
    # A1111 ignores clip skip here: the text encoder is always read one layer before its end.
    Family("sd2", "Stable Diffusion 2.x", config="sd2", native_resolution=768, has_clip_skip=False),
)

VARIANTS = (
    Variant(),
    Variant("inpainting", sees_mask=True, sees_latent=True),
    Variant("instruct-pix2pix", sees_latent=True),
)
"""Kinds of further input that can be run, of any family."""

SD_PREVIEW = PreviewMap(
    (
        (0.298, 0.207, 0.208),
        (0.187, 0.286, 0.173),
        (-0.158, 0.189, 0.264),
        (-0.184, -0.271, -0.473),
    )
)
"""Latent to colour for the VAE that all Stable Diffusion 1.x and 2.x models share."""


def find(name: str) -> Family | None:
    """The family called `name`; None if it cannot be run here."""
    return next((family for family in FAMILIES if family.name == name), None)


def find_variant(name: str) -> Variant | None:
    """The variant called `name`; None if it cannot be run here."""
    return next((variant for variant in VARIANTS if variant.name == name), None)
