"""Lists of what there is to choose from."""

from __future__ import annotations

from fastapi import APIRouter

from modules.engine.high_res import LATENT_MODES
from modules.sampling.catalog import SAMPLERS, SCHEDULES
from modules.web.api.current import CurrentStudio
from modules.web.api.schemas import ModelItem, SamplerItem, SchedulerItem, StyleItem, VaeItem

router = APIRouter(prefix="/sdapi/v1", tags=["catalogue"])


@router.get("/samplers")
def samplers() -> list[SamplerItem]:
    """Samplers in A1111's order."""
    return [SamplerItem(name=s.name, aliases=list(s.aliases), options=s.options) for s in SAMPLERS]


@router.get("/schedulers")
def schedulers() -> list[SchedulerItem]:
    """Schedules in A1111's order; default_rho is -1 where it means nothing."""
    return [
        SchedulerItem(
            name=s.name,
            label=s.label,
            aliases=list(s.aliases) or None,
            default_rho=s.default_rho,
            need_inner_model=s.need_inner_model,
        )
        for s in SCHEDULES
    ]


@router.get("/sd-models")
def checkpoints(studio: CurrentStudio) -> list[ModelItem]:
    """Checkpoints. The hash is null until it has been computed."""
    return [
        ModelItem(
            title=file.title,
            model_name=file.model_name,
            hash=file.hash,
            sha256=file.sha256,
            filename=str(file.path),
            config=str(file.config) if file.config else None,
        )
        for file in studio.catalog.checkpoints()
    ]


@router.get("/sd-vae")
def vaes(studio: CurrentStudio) -> list[VaeItem]:
    """VAE files."""
    return [VaeItem(model_name=file.path.name, filename=str(file.path)) for file in studio.catalog.vaes()]


@router.get("/prompt-styles")
def styles(studio: CurrentStudio) -> list[StyleItem]:
    """Styles in the order of their files; of a divider between two files both texts are null."""
    return [
        StyleItem(name=style.name, prompt=style.prompt, negative_prompt=style.negative_prompt)
        for style in studio.styles.all()
    ]


@router.get("/latent-upscale-modes")
def latent_upscale_modes() -> list[dict[str, str]]:
    """Ways to enlarge latents for a second pass, in the order of their list."""
    return [{"name": mode.name} for mode in LATENT_MODES]


@router.post("/refresh-checkpoints")
@router.post("/refresh-vae")
def refresh(studio: CurrentStudio) -> None:
    """Look for model files again."""
    studio.catalog.refresh()
    studio.catalog.checkpoints()
