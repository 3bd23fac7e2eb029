"""The command line: `python -m starter <phase>`, or `all` for every phase in order. Each resumes where it stopped."""

import argparse
import logging

import torch


def main() -> None:
    """Parse the phase and run it."""
    parser = argparse.ArgumentParser(
        prog="python -m starter", description="Train, export or evaluate the starter checkpoint."
    )
    parser.add_argument("phase", choices=("vae", "decoder", "text", "latents", "unet", "export", "evaluate", "all"))
    parser.add_argument("--threads", type=int, default=1, help="computing threads of this process")
    parser.add_argument(
        "--steps", type=int, default=None, help="total optimiser steps of the phase, instead of its own default"
    )
    parser.add_argument("--mix", nargs="+", choices=("first", "wide"), default=["first"], help="what the pictures show")
    parser.add_argument("--processes", type=int, default=1, help="training processes of the denoiser, one thread each")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    phases = (
        ("vae", "text", "latents", "unet", "decoder", "export", "evaluate")
        if options.phase == "all"
        else (options.phase,)
    )
    for phase in phases:
        run(phase, options.steps, options.mix, options.processes)


def run(phase: str, steps: int | None, mixes: list[str], processes: int) -> None:
    """Run one phase; imports are local so that a phase loads only what it uses."""
    if phase in ("vae", "decoder"):
        from starter import vae

        if phase == "vae":
            vae.train(steps or 1200)
        else:
            vae.train(steps or 400, decoder_only=True, rate=5e-4)
    elif phase == "text":
        from starter import text

        text.train(steps or 600)
    elif phase == "latents":
        from starter import latents

        for mix in mixes:
            latents.encode(mix, steps or 12_800)
    elif phase == "unet":
        from starter import unet

        unet.train(steps or 2600, mixes=mixes, processes=processes)
    elif phase == "export":
        from starter import export

        export.export()
    elif phase == "evaluate":
        from starter import evaluate

        evaluate.report(steps or 120)


if __name__ == "__main__":
    main()
