"""Who may know whom: the rank of every package and the third-party packages each may import.

docs/developers.md tells the same to people; `test_tree` compares the two.
"""

from __future__ import annotations

RANKS: dict[str, int] = {
    "foundation": 0,
    "prompting": 1,
    "sampling": 1,
    "weights": 1,
    "families": 1,
    "store": 2,
    "networks": 2,
    "vision": 2,
    "engine": 3,
    "jobs": 3,
    "training": 4,
    "studio": 5,
    "host": 6,
    "web": 7,
    "a1111-facade": 8,
    "boot": 9,
}

EVERYWHERE = {"pydantic", "pydantic_core", "typing_extensions"}
"""A setting group and a request are pydantic models, and every package may declare settings."""
TENSORS = {"torch", "numpy"}
THIRD_PARTY: dict[str, set[str]] = {
    "foundation": set(),
    "prompting": set(),
    "sampling": TENSORS | {"scipy"},
    "weights": TENSORS | {"safetensors"},
    "families": TENSORS | {"diffusers", "transformers", "accelerate", "safetensors", "yaml", "tokenizers", "ftfy"},
    "store": {"PIL"},
    "networks": TENSORS | {"PIL"},
    "vision": TENSORS | {"PIL", "spandrel", "timm", "transformers"},
    "engine": TENSORS | {"PIL"},
    "jobs": set(),
    "training": TENSORS | {"PIL"},
    "studio": {"PIL"},
    "host": set(),
    "web": {"fastapi", "fastapi_offline", "starlette", "anyio", "multipart", "gradio", "httpx", "PIL", "psutil"},
    "a1111-facade": {"gradio", "torch", "numpy", "PIL"},
    "boot": {"uvicorn"},
}

IN_ONE_FILE: dict[str, set[str]] = {
    "modules.foundation.torchvision_ops": {"torch"},
    "modules.families.token_merging": {"tomesd"},
}
"""What a single module may import besides what its package may, because that is what the module is about."""
