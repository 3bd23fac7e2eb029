"""How long the cards browser's server takes to find cards among 20,000 files: python -m benchmarks.cards

Milliseconds; the first line reads all that lies in the folders, each other is the median of seven.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from modules.boot import assemble
from modules.foundation.flags import parse
from modules.store.cards import Wish

FILES, FOLDERS = 20_000, 40
WISHES = {
    "all, by path": Wish(),
    "a name": Wish(search="file19"),
    "a description": Wish(search="nice thing 4"),
    "a folder, newest first": Wish(folder="dir3", sort="modified", descending=True),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        _write(Path(data) / "models" / "Lora")
        studio = assemble(parse(["--data-dir", data]))
        began = time.perf_counter()
        studio.cards.search("lora", Wish())
        print(f"{'first scan':<24}{1000 * (time.perf_counter() - began):9.1f}")
        for name, wish in WISHES.items():
            times: list[float] = []
            for _ in range(7):
                began = time.perf_counter()
                found = studio.cards.search("lora", wish)
                times.append(1000 * (time.perf_counter() - began))
            print(f"{name:<24}{statistics.median(times):9.1f}   {len(found.cards):,} cards")
        studio.history.close()


def _write(folder: Path) -> None:
    """Small LoRA files with remarks, a quarter of them with notes."""
    for number in range(FILES):
        place = folder / f"dir{number % FOLDERS}"
        place.mkdir(parents=True, exist_ok=True)
        said = {"ss_output_name": f"alias{number}", "ss_base_model_version": "sd_v1"}
        tensor = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
        header = json.dumps({"__metadata__": said, "x": tensor}).encode()
        (place / f"file{number}.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"abcd")
        if number % 4 == 0:
            (place / f"file{number}.json").write_text(json.dumps({"description": f"nice thing {number}"}))


if __name__ == "__main__":
    main()
