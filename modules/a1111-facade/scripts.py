"""A1111's scripts: the class they derive from, loading them, and the runner that calls those of one tab.

Start with `Script`; `load_scripts` fills `scripts_data`, and `ScriptRunner` has one method for each hook.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modules import script_callbacks, script_loading
from modules._anchor import anchor, run_now
from modules.foundation.errors import UserError

if TYPE_CHECKING:
    from modules.processing import Processed, StableDiffusionProcessing

AlwaysVisible: Final = object()
"""What `show` returns of a script that runs always."""


@dataclass
class PostprocessImageArgs:
    image: Any


@dataclass
class PostprocessBatchListArgs:
    images: list[Any]


@dataclass
class PostSampleArgs:
    samples: Any


class Script:
    """One instance a tab. Only `title` must be written; hooks a script leaves alone are not called."""

    name: str | None = None
    section: str | None = None
    filename: str | None = None
    args_from = 0
    args_to = 0
    alwayson = False
    is_txt2img = False
    is_img2img = False
    tabname: str | None = None
    group: Any = None
    create_group = True
    infotext_fields: list[Any] | None = None
    paste_field_names: list[str] | None = None
    controls: list[Any] | None = None
    setup_for_ui_only = False
    extension = ""

    def title(self) -> str:
        """Its name in the drop-down and in the API."""
        raise NotImplementedError

    def show(self, is_img2img: bool) -> Any:
        """Whether the tab has it: a boolean, or `AlwaysVisible`."""
        return True

    def ui(self, is_img2img: bool) -> list[Any] | None:
        """Make its controls; their values become `*args` of every other method."""

    def run(self, p: StableDiffusionProcessing, *args: Any) -> Processed | None:
        """Instead of the usual processing, when it is the selected script."""

    def before_process(self, p: StableDiffusionProcessing, *args: Any) -> None: ...

    def process(self, p: StableDiffusionProcessing, *args: Any) -> None: ...

    def before_process_batch(self, p: StableDiffusionProcessing, *args: Any, **kwargs: Any) -> None: ...

    def after_extra_networks_activate(self, p: StableDiffusionProcessing, *args: Any, **kwargs: Any) -> None: ...

    def process_batch(self, p: StableDiffusionProcessing, *args: Any, **kwargs: Any) -> None: ...

    def post_sample(self, p: StableDiffusionProcessing, ps: PostSampleArgs, *args: Any) -> None: ...

    def postprocess_batch(self, p: StableDiffusionProcessing, *args: Any, **kwargs: Any) -> None: ...

    def postprocess_batch_list(
        self, p: StableDiffusionProcessing, pp: PostprocessBatchListArgs, *args: Any, **kwargs: Any
    ) -> None: ...

    def postprocess_image(self, p: StableDiffusionProcessing, pp: PostprocessImageArgs, *args: Any) -> None: ...

    def postprocess_image_after_composite(
        self, p: StableDiffusionProcessing, pp: PostprocessImageArgs, *args: Any
    ) -> None: ...

    def postprocess(self, p: StableDiffusionProcessing, processed: Processed, *args: Any) -> None: ...

    def elem_id(self, item_id: str) -> str:
        """`script_<title>_<item>`, with the tab in front of the title if both tabs show it alike."""
        tab = ("img2img_" if self.is_img2img else "txt2img_") if self.show(True) == self.show(False) else ""
        title = re.sub(r"[^a-z_0-9]", "", re.sub(r"\s", "_", self.title().lower()))
        return f"script_{tab}{title}_{item_id}"


@dataclass(frozen=True, slots=True)
class ScriptClassData:
    """A script's class, its file, its extension's folder and its module."""

    script_class: type[Script]
    path: str
    basedir: str
    module: Any


scripts_data: list[ScriptClassData] = []


def basedir() -> str:
    """The folder of the extension whose script is being loaded; the program's otherwise."""
    return script_loading.loading_from() or str(anchor.studio.paths.root)


def load_scripts() -> None:
    """Load every enabled extension's scripts anew, in order. A file that fails is reported and left out."""
    host = anchor.host
    scripts_data.clear()
    script_callbacks.clear_callbacks()
    for file in host.files("scripts", ".py"):
        extension = file.extension
        module = host.troubles.guarded(
            extension.name, file.path.name, script_loading.load_for, extension.path, file.path
        )
        for found in list(vars(module).values()) if module is not None else ():
            # What a script imports is a script of its own only if it is not the base itself.
            if isinstance(found, type) and issubclass(found, Script) and found is not Script:
                scripts_data.append(ScriptClassData(found, str(file.path), str(extension.path), module))
    scripts_txt2img.initialize_scripts(False)
    scripts_img2img.initialize_scripts(True)


class ScriptRunner:
    """The scripts of one tab. Hooks are called for those that run always, each with its slice of `p.script_args`."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.selectable_scripts: list[Script] = []
        self.alwayson_scripts: list[Script] = []

    @property
    def titles(self) -> list[str]:
        return [script.title() for script in self.selectable_scripts]

    def initialize_scripts(self, is_img2img: bool) -> None:
        """One instance of every class that shows itself on the tab."""
        self.scripts, self.selectable_scripts, self.alwayson_scripts = [], [], []
        for data in scripts_data:
            extension = Path(data.basedir).name
            made = _guarded(extension, "show", self._instance, data, is_img2img, extension)
            if made is None:
                continue
            script, shown = made
            if shown is AlwaysVisible:
                script.alwayson = True
                self.alwayson_scripts.append(script)
            elif shown:
                self.selectable_scripts.append(script)
            else:
                continue
            self.scripts.append(script)

    def script(self, title: str) -> Script | None:
        """By its title in any case."""
        return next((script for script in self.scripts if script.title().lower() == title.lower()), None)

    def run(self, p: StableDiffusionProcessing, *args: Any) -> Processed | None:
        """Run the selected script, whose number from 1 is the first argument; None if there is none.

        Unlike a hook's, its error ends the job, with the name of the extension in the message.
        """
        index = args[0] if args else 0
        if not index:
            return None
        script = self.selectable_scripts[index - 1]
        return failing(script, "run", script.run, p, *args[script.args_from : script.args_to])

    def always_on_args(self, p: StableDiffusionProcessing) -> list[Any]:
        """What the scripts that run always are called with, by title."""
        return [[script.title(), list(_args(script, p))] for script in self.alwayson_scripts]

    def before_process(self, p: StableDiffusionProcessing) -> None:
        self._call("before_process", p)

    def process(self, p: StableDiffusionProcessing) -> None:
        self._call("process", p)

    def before_process_batch(self, p: StableDiffusionProcessing, **kwargs: Any) -> None:
        self._call("before_process_batch", p, **kwargs)

    def after_extra_networks_activate(self, p: StableDiffusionProcessing, **kwargs: Any) -> None:
        self._call("after_extra_networks_activate", p, **kwargs)

    def process_batch(self, p: StableDiffusionProcessing, **kwargs: Any) -> None:
        self._call("process_batch", p, **kwargs)

    def post_sample(self, p: StableDiffusionProcessing, ps: PostSampleArgs) -> None:
        self._call("post_sample", p, ps)

    def postprocess_batch(self, p: StableDiffusionProcessing, images: Any, **kwargs: Any) -> None:
        self._call("postprocess_batch", p, images=images, **kwargs)

    def postprocess_batch_list(self, p: StableDiffusionProcessing, pp: PostprocessBatchListArgs, **kwargs: Any) -> None:
        self._call("postprocess_batch_list", p, pp, **kwargs)

    def postprocess_image(self, p: StableDiffusionProcessing, pp: PostprocessImageArgs) -> None:
        self._call("postprocess_image", p, pp)

    def postprocess_image_after_composite(self, p: StableDiffusionProcessing, pp: PostprocessImageArgs) -> None:
        self._call("postprocess_image_after_composite", p, pp)

    def postprocess(self, p: StableDiffusionProcessing, processed: Processed) -> None:
        self._call("postprocess", p, processed)

    def _instance(self, data: ScriptClassData, is_img2img: bool, extension: str) -> tuple[Script, Any]:
        script = data.script_class()
        script.filename, script.extension = data.path, extension
        script.is_txt2img, script.is_img2img = not is_img2img, is_img2img
        script.tabname = "img2img" if is_img2img else "txt2img"
        script.name = script.title().lower()
        return script, script.show(is_img2img)

    def _call(self, hook: str, p: StableDiffusionProcessing, *values: Any, **kwargs: Any) -> None:
        for script in self.alwayson_scripts:
            if getattr(type(script), hook) is getattr(Script, hook):
                continue
            _guarded(script.extension, hook, getattr(script, hook), p, *values, *_args(script, p), **kwargs)


def failing(script: Script, doing: str, function: Callable[..., Any], *args: Any) -> Any:
    """What the function returns; what it raises names the script, and is written to the log in full."""
    try:
        return function(*args)
    except UserError:
        raise
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise UserError(
            str(anchor.host.troubles.report(script.extension, f"{script.title()}: {doing}", error))
        ) from error


def list_scripts(folder: str, extension: str, *, include_extensions: bool = True) -> Sequence[Any]:
    """The files of a kind of all enabled extensions, in order."""
    return anchor.host.files(folder, extension) if include_extensions else []


def _args(script: Script, p: StableDiffusionProcessing) -> Sequence[Any]:
    return tuple(p.script_args)[script.args_from : script.args_to]


def _guarded(extension: str, doing: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    from modules._anchor import running

    run = running.get()
    told = run.job.comment if run is not None else (lambda text: None)
    return anchor.host.troubles.guarded(extension, doing, function, *args, told=told, **kwargs)


scripts_txt2img = ScriptRunner()
scripts_img2img = ScriptRunner()
scripts_current: ScriptRunner | None = None
__all__ = ["AlwaysVisible", "Script", "ScriptRunner", "run_now", "script_callbacks"]
