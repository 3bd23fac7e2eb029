"""The command line: `python -m starter <phase>`, or `all` for the whole recipe. Each phase resumes where it stopped."""

import argparse
import logging
from dataclasses import dataclass

import torch

MIXES = ("first", "wide", "many", "full")


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of the recipe: `steps` is the phase's total, counted from its beginning; 0 where it has none."""

    name: str
    steps: int = 0
    mixes: tuple[str, ...] = ()


RECIPE = (
    Phase("vae", 1200),
    Phase("text", 1100),
    Phase("latents", 12_800, ("first", "wide", "many")),
    Phase("latents", 24_000, ("full",)),
    Phase("unet", 1050, ("first",)),
    Phase("unet", 1660, ("first", "wide")),
    Phase("unet", 2210, ("wide", "many")),
    Phase("unet", 4560, ("full",)),
    Phase("decoder", 900),
    Phase("reader", 2000),
    Phase("export"),
    Phase("evaluate", 120),
    Phase("sheet"),
)
"""How the released file was made; a denoiser's learning rate falls over the last fifth of each of its phases."""


def main() -> None:
    """Parse the phase and run it."""
    parser = argparse.ArgumentParser(
        prog="python -m starter", description="Train, export or evaluate the starter checkpoint."
    )
    names = dict.fromkeys(phase.name for phase in RECIPE)
    parser.add_argument("phase", choices=("resume", *names, "all"))
    parser.add_argument("--threads", type=int, default=1, help="computing threads of this process")
    parser.add_argument(
        "--steps", type=int, help="total of the phase, or prompts a group, instead of the recipe's last"
    )
    parser.add_argument("--mix", nargs="+", choices=MIXES, help="what the pictures show, instead of the recipe's")
    parser.add_argument("--processes", type=int, default=1, help="that train the denoiser or evaluate, a thread each")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    if options.phase == "all":
        for phase in RECIPE:
            run(phase, options.processes)
        return
    last = next((phase for phase in reversed(RECIPE) if phase.name == options.phase), Phase(options.phase))
    run(Phase(last.name, options.steps or last.steps, tuple(options.mix or last.mixes)), options.processes)


def run(phase: Phase, processes: int) -> None:
    """Run one phase; imports are local so that a phase loads only what it uses."""
    match phase.name:
        case "resume":
            from starter import resume

            resume.resume()
        case "vae":
            from starter import vae

            vae.train(phase.steps)
        case "decoder":
            from starter import vae

            vae.train(phase.steps, decoder_only=True, rate=5e-4)
        case "text":
            from starter import text

            text.train(phase.steps)
        case "latents":
            from starter import latents

            for mix in phase.mixes:
                latents.encode(mix, phase.steps)
        case "unet":
            from starter import unet

            unet.train(phase.steps, mixes=list(phase.mixes), processes=processes)
        case _:
            _finish(phase, processes)


def _finish(phase: Phase, processes: int) -> None:
    """What comes after training."""
    match phase.name:
        case "reader":
            from starter import reader

            reader.train(phase.steps)
        case "export":
            from starter import export

            export.export()
        case "evaluate":
            from starter import evaluate

            evaluate.report(phase.steps, processes)
        case "sheet":
            from starter import sheets

            sheets.contact_sheet(sheets.PICTURE)
        case name:
            raise ValueError(f"There is no phase {name!r}.")


if __name__ == "__main__":
    main()
