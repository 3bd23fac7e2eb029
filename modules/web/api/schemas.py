"""Bodies and replies of the API: A1111's field names and defaults, around the studio's own request.

`Txt2ImgBody` and `Img2ImgBody` are the requests themselves plus what only the API knows. Where A1111 has a field whose
feature does not exist here yet, the field is listed, and asking for the feature is an error:
nothing is ignored that would change the picture.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from modules.engine.advanced import Advanced
from modules.engine.request import Img2Img, Txt2Img
from modules.foundation.lenient import Int, Text

Number = int | float
"""Comes back in the reply as it was sent: strictly typed clients read a 0 as an integer."""

OURS = frozenset(Advanced.model_fields) | {"reconstruction", "soft_inpainting", "hr_cfg"}
"""Fields that A1111 does not have."""


class GenerationBody(BaseModel):
    """What only the API knows of a generation. Every field may be left out or null; unknown ones are ignored."""

    steps: Int = Field(50, ge=1, le=1000)
    subseed_strength: Number = Field(0, ge=0, le=1)
    sampler_name: Text | None = None
    scheduler: Text | None = None
    sampler_index: Text = Field("Euler", description="older name of sampler_name, used where that is empty")
    override_settings: dict[str, Any] = Field(default_factory=dict)
    override_settings_restore_afterwards: bool = True
    refiner_checkpoint: Text | None = None
    refiner_switch_at: Number | None = Field(None, ge=0, le=1)
    firstpass_image: Text | None = Field(None, description="txt2img: a picture in base64 in place of the first pass")
    comments: dict[str, Any] | None = None
    force_task_id: Text | None = Field(
        None, max_length=1000, description="the id under which /internal/progress knows the job"
    )
    script_name: Text | None = None
    script_args: list[Any] = Field(default_factory=list)
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] = Field(default_factory=dict)
    infotext: Text | None = Field(None, description="generation parameters for the fields not given here")

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if value is not None and key != "kind"}

    def echo(self) -> dict[str, Any]:
        """The request as the reply repeats it; fields that A1111 does not have only if they were sent."""
        return self.model_dump(exclude={"kind", *(OURS - self.model_fields_set)})


class Txt2ImgBody(GenerationBody, Txt2Img):  # pyright: ignore[reportIncompatibleVariableOverride]
    """What POST /sdapi/v1/txt2img takes."""

    model_config = ConfigDict(frozen=True, extra="ignore", title="StableDiffusionProcessingTxt2Img")

    denoising_strength: Number | None = Field(None, ge=0, le=1)
    hr_scale: Number = Field(2.0, gt=0, le=64)
    hr_upscaler: Text | None = None  # type: ignore[assignment]
    hr_checkpoint_name: Text | None = None  # type: ignore[assignment]
    hr_sampler_name: Text | None = None  # type: ignore[assignment]
    hr_scheduler: Text | None = None  # type: ignore[assignment]


class Img2ImgBody(GenerationBody, Img2Img):  # pyright: ignore[reportIncompatibleVariableOverride]
    """What POST /sdapi/v1/img2img takes. Pictures are base64 of picture files, or data URIs."""

    model_config = ConfigDict(frozen=True, extra="ignore", title="StableDiffusionProcessingImg2Img")

    init_images: list[str] | None = None  # type: ignore[assignment]
    mask: str | None = None
    latent_mask: str | None = None
    denoising_strength: Number = Field(0.75, ge=0, le=1)
    include_init_images: bool = Field(False, description="repeat the pictures in the reply's parameters")

    def echo(self) -> dict[str, Any]:
        told = super().echo()
        del told["include_init_images"]
        return told if self.include_init_images else {**told, "init_images": None, "mask": None}


class ImagesReply(BaseModel):
    """Pictures as bare base64, the request as it was understood, and A1111's `info`: JSON in a string."""

    images: list[str]
    parameters: dict[str, Any]
    info: str


class PngInfoBody(BaseModel):
    image: str = Field(description="base64, with or without a data: prefix")


class PngInfoReply(BaseModel):
    info: str
    items: dict[str, Any]
    parameters: dict[str, Any]


class State(BaseModel):
    """A1111's job state; job_count is -1 between the start of a job and its first batch."""

    skipped: bool = False
    interrupted: bool = False
    stopping_generation: bool = False
    job: str = ""
    job_count: int = 0
    job_timestamp: str = "0"
    job_no: int = 0
    sampling_step: int = 0
    sampling_steps: int = 0


class ProgressReply(BaseModel):
    """`progress` is 0..1, `eta_relative` in seconds, `current_image` bare base64."""

    progress: float = 0.0
    eta_relative: float = 0.0
    state: State = State()
    current_image: str | None = None
    textinfo: str | None = None
    current_task: str | None = None


class TaskBody(BaseModel):
    """Which job the page follows, and the preview it has."""

    id_task: Text | None = None
    id_live_preview: Int = -1
    live_preview: bool = True


class TaskReply(BaseModel):
    """`progress` is 0..1, `eta` in seconds, `live_preview` a data: URL or null if there is no newer one."""

    active: bool = False
    queued: bool = False
    completed: bool = False
    progress: float | None = None
    eta: float | None = None
    live_preview: str | None = None
    id_live_preview: int = -1
    textinfo: str | None = None


class TokenBody(BaseModel):
    prompt: str = ""
    negative_prompt: str = ""
    styles: list[str] = Field(default_factory=list, description="names of styles that are put in")
    steps: int = Field(20, ge=1, le=1000, description="those that edits such as [a:b:5] are laid over")


class TokenCount(BaseModel):
    """Tokens a text takes, null if it cannot be read, and the room its chunks have."""

    tokens: int | None
    limit: int
    ends: list[str] = Field(default_factory=list)
    remarks: list[str] = Field(default_factory=list)


class TokenReply(BaseModel):
    prompt: TokenCount
    negative_prompt: TokenCount


class SamplerItem(BaseModel):
    name: str
    aliases: list[str]
    options: dict[str, str]


class SchedulerItem(BaseModel):
    name: str
    label: str
    aliases: list[str] | None
    default_rho: float
    need_inner_model: bool


class ModelItem(BaseModel):
    title: str
    model_name: str
    hash: str | None
    sha256: str | None
    filename: str
    config: str | None

    model_config = ConfigDict(protected_namespaces=())


class VaeItem(BaseModel):
    model_name: str
    filename: str

    model_config = ConfigDict(protected_namespaces=())


class StyleItem(BaseModel):
    name: str
    prompt: str | None
    negative_prompt: str | None


class EmbeddingItem(BaseModel):
    step: int | None = None
    sd_checkpoint: str | None = None
    sd_checkpoint_name: str | None = None
    shape: int
    vectors: int


class LoraItem(BaseModel):
    name: str
    alias: str
    path: str
    metadata: dict[str, Any]


class HypernetworkItem(BaseModel):
    name: str
    path: str


class EmbeddingsReply(BaseModel):
    loaded: dict[str, EmbeddingItem]
    skipped: dict[str, EmbeddingItem]


class ScriptsList(BaseModel):
    """Titles in lower case."""

    txt2img: list[str]
    img2img: list[str]


class ScriptArgument(BaseModel):
    label: str | None = None
    value: Any = None
    minimum: Number | None = None
    maximum: Number | None = None
    step: Number | None = None
    choices: list[Any] | None = None


class ScriptInfo(BaseModel):
    """One script on one tab; `args` in the order in which a request gives them."""

    name: str
    is_alwayson: bool
    is_img2img: bool
    args: list[ScriptArgument]


class ExtensionItem(BaseModel):
    name: str
    remote: str | None = None
    branch: str | None = None
    commit_hash: str | None = None
    version: str | None = None
    commit_date: int | None = None
    enabled: bool


class MemoryReply(BaseModel):
    ram: dict[str, Any]
    cuda: dict[str, Any]
