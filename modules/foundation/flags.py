"""Launch flags: one table, every flag A1111 1.10.1 has, and `parse`, which turns arguments into frozen `Flags`.

A flag without an effect says why: `later` names what it arrives with, `unused` why it never will
have one. Only the standard library is needed, so that a misspelt flag is found before anything is installed.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

from modules.foundation.errors import UserError


@dataclass(frozen=True, slots=True)
class About:
    """What is known of one flag besides its type and default."""

    help: str
    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    repeat: bool = False
    later: str = ""
    unused: str = ""

    @property
    def reason(self) -> str:
        """Why the flag does nothing; empty if it does something."""
        return f"not yet: arrives with {self.later}" if self.later else f"ignored: {self.unused}" if self.unused else ""


def flag(default: Any, help: str, **about: Any) -> Any:
    """Declare one flag; its type is the field's annotation."""
    return field(default=default, metadata={"flag": About(help, **about)})


def switch(help: str, **about: Any) -> Any:
    """Declare a flag that takes no value."""
    return flag(False, help, **about)


ATTENTION = "a choice of attention"
EXTENSIONS = "extensions"
LOW_MEMORY = "models larger than the device's memory"
NOT_NEEDED = "nothing here needs it"
OURS = "the page is our own and has no such control"
TRAINING = "training"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The program's arguments. A field `no_half` is the flag `--no-half`; paths are absolute."""

    # installing and starting
    f: bool = switch("run as root", unused="the superuser is not refused")
    skip_install: bool = switch("install nothing, start with what is there")
    skip_prepare_environment: bool = switch("install nothing and check nothing before the start")
    skip_python_version_check: bool = switch("do not refuse a Python outside the tested range")
    skip_version_check: bool = switch("do not compare the versions of torch and torchvision")
    skip_torch_cuda_test: bool = switch("start without a GPU", unused="without a usable GPU the CPU is taken anyway")
    reinstall_torch: bool = switch("install torch and torchvision again")
    reinstall_xformers: bool = switch("install xformers again", later=ATTENTION)
    update_check: bool = switch("say whether a newer version exists", unused="the studio contacts nobody")
    update_all_extensions: bool = switch("bring every extension up to date first", later=EXTENSIONS)
    exit: bool = switch("prepare everything, then stop")
    test_server: bool = switch("start as A1111's own tests want it", unused="`./webui-user.sh test` runs the tests")
    log_startup: bool = switch("log how long each part of the start took")
    loglevel: str | None = flag(
        None, "what is worth a line in the log", choices=("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
    )
    dump_sysinfo: bool = switch("write facts about this machine to a file and stop", later="the system page")
    do_not_download_clip: bool = switch("do not fetch missing text encoders", unused="nothing is ever fetched")
    no_download_sd_model: bool = switch("do not fetch a checkpoint", unused="nothing is ever fetched")

    # folders and files
    data_dir: Path | None = flag(None, "settings, outputs, models and extensions lie here")
    models_dir: Path | None = flag(None, "model files lie here instead of <data>/models")
    ckpt: Path | None = flag(None, "add this checkpoint to the list and start with it", metavar="FILE")
    ckpt_dir: Path | None = flag(None, "search this folder for checkpoints, too")
    vae_dir: Path | None = flag(None, "search this folder for VAEs, too")
    vae_path: Path | None = flag(None, "use this VAE whatever the settings say", metavar="FILE", later="VAE selection")
    embeddings_dir: Path | None = flag(None, "embeddings lie here instead of <data>/embeddings")
    config: Path | None = flag(None, "yaml for checkpoints not recognised", unused="a yaml beside the file is read")
    ui_config_file: Path | None = flag(None, "defaults of the page's controls", metavar="FILE")
    ui_settings_file: Path | None = flag(None, "settings instead of <data>/config.json", metavar="FILE")
    styles_file: tuple[str, ...] = flag((), "styles, path or pattern", metavar="FILE", repeat=True)
    lora_dir: Path | None = flag(None, "search this folder for LoRA files, too")
    lyco_dir_backcompat: Path | None = flag(None, "search this folder for LoRA files, too")
    hypernetwork_dir: Path | None = flag(None, "search this folder for hypernetworks, too")
    textual_inversion_templates_dir: Path | None = flag(None, "prompt templates for training", later=TRAINING)
    localizations_dir: Path | None = flag(None, "translations of the page lie here", later="translations")
    clip_models_path: Path | None = flag(None, "CLIP for captions lies here instead of models/CLIP")
    codeformer_models_path: Path | None = flag(None, "search this folder for CodeFormer, too")
    gfpgan_models_path: Path | None = flag(None, "search this folder for GFPGAN, too")
    gfpgan_dir: Path | None = flag(None, "GFPGAN's program", unused="A1111 ignores it, too")
    gfpgan_model: str | None = flag(None, "GFPGAN's file", unused="A1111 ignores it, too")
    esrgan_models_path: Path | None = flag(None, "search this folder for ESRGAN upscalers, too")
    realesrgan_models_path: Path | None = flag(None, "search this folder for RealESRGAN upscalers, too")
    bsrgan_models_path: Path | None = flag(None, "search this folder for BSRGAN upscalers, too")
    dat_models_path: Path | None = flag(None, "search this folder for DAT upscalers, too")
    ldsr_models_path: Path | None = flag(None, "LDSR upscalers lie here", unused="LDSR is a diffusion model of its own")
    scunet_models_path: Path | None = flag(None, "search this folder for ScuNET upscalers, too")
    swinir_models_path: Path | None = flag(None, "search this folder for SwinIR upscalers, too")

    # device, precision, memory
    no_half: bool = switch("keep the whole model in 32 bits")
    no_half_vae: bool = switch("keep the VAE in 32 bits")
    precision: str = flag("autocast", "bits everywhere: full 32, half 16", choices=("full", "half", "autocast"))
    upcast_sampling: bool = switch("do the sampler's arithmetic in 32 bits", unused="it always is")
    use_cpu: tuple[str, ...] = flag((), "parts that run on the CPU: all, sd, ...", metavar="PART")
    use_ipex: bool = switch("use an Intel GPU", unused="one that torch can use is found without it")
    device_id: str | None = flag(None, "number of the GPU to use", metavar="N")
    disable_nan_check: bool = switch("do not look for NaNs in latents and pictures")
    medvram: bool = switch("keep one part of the model on the device at a time", later=LOW_MEMORY)
    medvram_sdxl: bool = switch("the same, for SDXL only", later=LOW_MEMORY)
    lowvram: bool = switch("bring the network to the device block by block", later=LOW_MEMORY)
    lowram: bool = switch("read checkpoints straight into the GPU's memory", unused="files are memory-mapped anyway")
    disable_model_loading_ram_optimization: bool = switch("load by way of a second copy", unused=NOT_NEEDED)
    opt_channelslast: bool = switch("keep weights in channels-last order", later=ATTENTION)
    xformers: bool = switch("use xformers for attention", later=ATTENTION)
    force_enable_xformers: bool = switch("use xformers on GPUs it was not made for", later=ATTENTION)
    xformers_flash_attention: bool = switch("use flash attention within xformers", later=ATTENTION)
    opt_split_attention: bool = switch("attention in slices", later=ATTENTION)
    opt_split_attention_v1: bool = switch("attention in slices, the older way", later=ATTENTION)
    opt_split_attention_invokeai: bool = switch("attention in slices, InvokeAI's way", later=ATTENTION)
    opt_sub_quad_attention: bool = switch("sub-quadratic attention", later=ATTENTION)
    sub_quad_q_chunk_size: int = flag(1024, "its query chunk", later=ATTENTION)
    sub_quad_kv_chunk_size: int | None = flag(None, "its key and value chunk", later=ATTENTION)
    sub_quad_chunk_threshold: int | None = flag(None, "percentage of memory from which it chunks", later=ATTENTION)
    opt_sdp_attention: bool = switch("torch's own attention", unused="it is the one used")
    opt_sdp_no_mem_attention: bool = switch("torch's own attention, repeatable", later=ATTENTION)
    disable_opt_split_attention: bool = switch("plain attention", later=ATTENTION)
    always_batch_cond_uncond: bool = switch("prompt and negative prompt in one call", unused="it is a setting")
    no_hashing: bool = switch("compute no checksums of model files", later="the model browser")
    skip_load_model_at_start: bool = switch("load the first checkpoint when it is asked for")
    ui_debug_mode: bool = switch("the page without a model", unused="the page opens before a model is loaded")
    disable_safe_unpickle: bool = switch("load pickles that run code", unused="code in a model file is never run")

    # server
    port: int | None = flag(None, "port to listen at, else 7860; 7861 with --nowebui. The next free one if it is taken")
    listen: bool = switch("let other machines in (0.0.0.0); a login is then needed")
    server_name: str | None = flag(None, "address to listen at", metavar="HOST")
    share: bool = switch("open a public gradio.live address")
    ngrok: str | None = flag(None, "open a tunnel with this token", metavar="TOKEN", later="tunnels")
    ngrok_region: str = flag("", "where the tunnel ends", unused="ngrok chooses")
    ngrok_options: dict[str, Any] | None = flag(None, "options of the tunnel as JSON", metavar="JSON", later="tunnels")
    subpath: str | None = flag(None, "path under which a reverse proxy serves the studio")
    autolaunch: bool = switch("open a browser once the page is there")
    theme: str | None = flag(None, "colours of the page until the switch there is used", choices=("light", "dark"))
    gradio_auth: str | None = flag(None, "who may log in", metavar="USER:PASSWORD[,...]")
    gradio_auth_path: Path | None = flag(None, "the same from a file, one or more a line", metavar="FILE")
    gradio_debug: bool = switch("more messages from gradio", unused="--loglevel DEBUG has them")
    gradio_allowed_path: tuple[str, ...] = flag(
        (), "serve files of this folder", metavar="DIR", repeat=True, unused="only the studio's own pictures are served"
    )
    gradio_queue: bool = flag(True, "queue requests", unused="every generation is a job in one queue")
    no_gradio_queue: bool = switch("do not queue requests", unused="every generation is a job in one queue")
    gradio_img2img_tool: str | None = flag(None, "editor of img2img", unused="A1111 ignores it, too")
    gradio_inpaint_tool: str | None = flag(None, "editor of inpainting", unused="A1111 ignores it, too")
    tls_keyfile: Path | None = flag(None, "private key for https; needs --tls-certfile", metavar="FILE")
    tls_certfile: Path | None = flag(None, "certificate for https; needs --tls-keyfile", metavar="FILE")
    disable_tls_verify: bool = switch("accept self-signed certificates", unused="the studio does not call itself")
    cors_allow_origins: str | None = flag(None, "sites that may call the API", metavar="ORIGIN[,...]")
    cors_allow_origins_regex: str | None = flag(None, "the same as a regular expression", metavar="REGEX")
    timeout_keep_alive: int = flag(30, "seconds an idle connection is kept")
    api: bool = switch("serve /sdapi/v1", unused="the API is always on")
    api_auth: str | None = flag(None, "who may call the API", metavar="USER:PASSWORD[,...]")
    api_log: bool = switch("log every call of the API")
    api_server_stop: bool = switch("let the API stop and restart the server", later="restarting from the page")
    nowebui: bool = switch("the API without a page")
    add_stop_route: bool = switch("a route that stops the server", unused="A1111 ignores it, too")
    administrator: bool = switch("run as administrator", unused="A1111 ignores it, too")

    # page, extensions, safety
    allow_code: bool = switch("let scripts run code typed into the page", later=EXTENSIONS)
    enable_insecure_extension_access: bool = switch("manage extensions from other machines", later=EXTENSIONS)
    disable_all_extensions: bool = switch("load no extensions")
    disable_extra_extensions: bool = switch("load only extensions that come along")
    hide_ui_dir_config: bool = switch("folders of this machine cannot be chosen on the page or by programs")
    freeze_settings: bool = switch("forbid changing settings")
    freeze_settings_in_sections: str | None = flag(None, "forbid changing those of these sections")
    freeze_specific_settings: str | None = flag(None, "forbid changing these settings")
    use_textbox_seed: bool = switch("seeds as text boxes", unused=OURS)
    disable_console_progressbars: bool = switch("no progress bar in the terminal", unused="there is none")
    enable_console_prompts: bool = switch("log prompts", later="the settings tab")
    no_progressbar_hiding: bool = switch("keep the progress bar", unused="A1111 ignores it, too")
    max_batch_count: int = flag(16, "most batches", unused="A1111 ignores it, too")
    show_negative_prompt: bool = switch("show the negative prompt", unused="A1111 ignores it, too")
    unload_gfpgan: bool = switch("free GFPGAN after use", unused="A1111 ignores it, too")
    deepdanbooru: bool = switch("tags of anime pictures", unused="A1111 ignores it, too")
    unix_filenames_sanitization: bool = switch("replace only / in file names")
    filenames_max_length: int = flag(128, "most characters a value adds to a file name")
    no_prompt_history: bool = switch("do not write the last prompt to params.txt")

    @property
    def is_remote(self) -> bool:
        """Whether other machines may reach the server, A1111's `webui_is_non_local`."""
        return bool(self.share or self.listen or self.ngrok or self.server_name)


def parse(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> Flags:
    """The flags of a command line, with those of $COMMANDLINE_ARGS after them, as in A1111.

    Unambiguous beginnings of a flag are understood. Unknown flags are ignored if
    $IGNORE_CMD_ARGS_ERRORS exists. `--help` prints the table and exits.
    Raises UserError naming what is wrong and the flag that was probably meant.
    """
    environ = os.environ if environ is None else environ
    words = [*argv, *_split(environ.get("COMMANDLINE_ARGS", ""))]
    found, unknown = _parser().parse_known_args(words)
    if unknown and "IGNORE_CMD_ARGS_ERRORS" not in environ:
        raise UserError(_unknown(unknown[0]))
    return Flags(**{name: _value(value) for name, value in vars(found).items()})


def all_words(argv: Sequence[str]) -> list[str]:
    """The words of a command line, with those of $COMMANDLINE_ARGS after them. Raises UserError as `parse`."""
    return [*argv, *_split(os.environ.get("COMMANDLINE_ARGS", ""))]


def about() -> dict[str, About]:
    """Every flag as it is typed, in the order of the table."""
    return {_typed(entry.name): entry.metadata["flag"] for entry in fields(Flags)}


def remarks(flags: Flags) -> Iterator[str]:
    """A sentence for each flag given that has no effect."""
    for entry in fields(Flags):
        reason = entry.metadata["flag"].reason
        if reason and getattr(flags, entry.name) != entry.default:
            yield f"{_typed(entry.name)} has no effect ({reason})."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:]}. Type --help for a list of flags.")


def _parser() -> _Parser:
    parser = _Parser("webui.py", description="Atelier, a browser studio for diffusion images.")
    types = get_type_hints(Flags)
    for entry in fields(Flags):
        _declare(parser, entry, str(types[entry.name]))
    return parser


def _declare(parser: argparse.ArgumentParser, entry: Field[Any], kind: str) -> None:
    about: About = entry.metadata["flag"]
    text = f"{about.help}. [{about.reason}]" if about.reason else about.help
    rest: dict[str, Any] = {"default": entry.default, "dest": entry.name, "help": text.replace("%", "%%")}
    if kind == "<class 'bool'>":
        parser.add_argument(_typed(entry.name), action="store_true", **rest)
        return
    rest["metavar"] = about.metavar
    rest["choices"] = about.choices
    if "Path" in kind:
        rest |= {"type": lambda text: Path(text).expanduser().absolute(), "metavar": about.metavar or "DIR"}
    elif "int" in kind:
        rest |= {"type": int, "metavar": about.metavar or "N"}
    elif "dict" in kind:
        rest["type"] = json.loads
    elif "tuple" in kind:
        rest |= {"action": "append", "default": []} if about.repeat else {"nargs": "+", "type": str.lower}
    parser.add_argument(_typed(entry.name), **rest)


def _typed(name: str) -> str:
    return "-f" if name == "f" else "--" + name.replace("_", "-")


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UserError(f"COMMANDLINE_ARGS cannot be read ({error}): {line}") from None


def _unknown(word: str) -> str:
    if not word.startswith("-"):
        return f"'{word}' does not belong to any flag. Type --help for a list of flags."
    name = word.partition("=")[0]
    near = difflib.get_close_matches(name, about(), n=1)
    hint = f"; did you mean {near[0]}?" if near else ". Type --help for a list of flags."
    return f"There is no flag {name}{hint}"
