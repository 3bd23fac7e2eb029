"""The command line: `python -m starter.companions <phase>`. Each phase goes on where it stopped."""

import argparse
import logging

import torch

from starter.companions import decoder, pairs, upscaler

PHASES = ("2x", "4x", "decoder", "evaluate")


def main() -> None:
    """Parse the phase and run it."""
    parser = argparse.ArgumentParser(
        prog="python -m starter.companions", description="Train what ships beside the starter."
    )
    parser.add_argument("phase", choices=PHASES)
    parser.add_argument("--threads", type=int, default=1, help="computing threads of this process")
    parser.add_argument(
        "--steps", type=int, default=None, help="total optimiser steps instead of the phase's own default"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    if options.phase == "decoder":
        decoder.train(options.steps or 600)
    elif options.phase == "evaluate":
        for design in upscaler.DESIGNS.values():
            logging.info("%s: %s", design.file.name, pairs.gains(upscaler.enlarging(design), design.scale))
        logging.info("%s: %.2f dB", decoder.FILE.name, decoder.agreement())
    else:
        upscaler.train(upscaler.DESIGNS[options.phase], options.steps or 1000)


if __name__ == "__main__":
    main()
