"""What must open quickly imports no heavy library: the page is there before torch is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT, sources

HEAVY = ("torch", "torchvision", "diffusers", "transformers", "gradio", "scipy")
LIGHT_PACKAGES = ("foundation", "prompting", "store", "jobs", "host")
LIGHT_MODULES = (
    "modules.engine.request",
    "modules.engine.plan",
    "modules.engine.run",
    "modules.engine.hooks",
    "modules.engine.residency",
    "modules.engine.model",
    "modules.families.original_config",
    "modules.families.tokenizer",
    "modules.sampling.catalog",
    "modules.studio.context",
)
PROBE = """
import importlib, sys
heavy, names = sys.argv[1].split(","), sys.argv[2:]
for name in names:
    importlib.import_module(name)
    loaded = [library for library in heavy if library in sys.modules]
    if loaded:
        sys.exit(f"importing {name} loads {', '.join(loaded)}")
"""


def test_light_modules_load_no_heavy_library() -> None:
    light = [
        source.name
        for source in sources("modules")
        if source.package in LIGHT_PACKAGES or source.name in LIGHT_MODULES or source.path.name == "options.py"
    ]
    _import_without(HEAVY, light)


def test_the_page_loads_gradio_only() -> None:
    page = [source.name for source in sources("modules") if source.package in ("web", "boot")]
    _import_without(tuple(library for library in HEAVY if library != "gradio"), page)


def test_a_heavy_import_is_noticed() -> None:
    with pytest.raises(AssertionError, match="importing statistics loads fractions"):
        _import_without(("fractions",), ["json", "statistics"])


def _import_without(heavy: tuple[str, ...], names: list[str]) -> None:
    command = [sys.executable, "-c", PROBE, ",".join(heavy), *names]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr.strip()
