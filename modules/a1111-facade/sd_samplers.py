"""Samplers as A1111 lists them."""

from __future__ import annotations

from dataclasses import dataclass

from modules.sampling.catalog import SAMPLERS


@dataclass(frozen=True, slots=True)
class SamplerData:
    """A sampler's name, other names and options."""

    name: str
    aliases: list[str]
    options: dict[str, str]


all_samplers = [SamplerData(sampler.name, list(sampler.aliases), dict(sampler.options)) for sampler in SAMPLERS]
all_samplers_map = {sampler.name: sampler for sampler in all_samplers}
samplers = samplers_for_img2img = all_samplers
samplers_map = {name.lower(): sampler.name for sampler in all_samplers for name in (sampler.name, *sampler.aliases)}
"""Any name in lower case -> the sampler's."""


def visible_sampler_names() -> list[str]:
    return [sampler.name for sampler in all_samplers]


def find_sampler_config(name: str) -> SamplerData | None:
    """By its name; None if there is none."""
    return all_samplers_map.get(name)
