"""Masks. `matched_noise` is Atelier's: what outpainting begins with."""

from __future__ import annotations

from modules.vision.extend import matched_noise

__all__ = ["matched_noise"]
