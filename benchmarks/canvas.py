"""How long painting on a 4096x4096 picture keeps the browser busy: `python benchmarks/canvas.py`.

The canvas's own scripts in headless Chromium on an empty page, strokes by real mouse events. For each brush: what the
handler of a pointer's move takes, what drawing takes, and what undo and encoding the layer as a PNG take.
"""

from __future__ import annotations

import argparse
import http.server
import json
import shutil
import threading
from functools import partial
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).resolve().parents[1] / "modules" / "web" / "assets"
PAGE = b"""<!doctype html><link rel=stylesheet href=/style.css><link rel=stylesheet href=/canvas.css>
<body class=dark><div id=place style="width:700px"></div>"""
SET_UP = """async ([side, mode]) => {
  const { Canvas } = await import("/js/canvas.js");
  const { Painting } = await import("/js/canvas-painting.js");
  const { encode } = await import("/js/canvas-png.js");
  const canvas = new Canvas("bench");
  document.getElementById("place").append(canvas.root);
  const surface = new OffscreenCanvas(side, side);
  const context = surface.getContext("2d");
  const fade = context.createLinearGradient(0, 0, side, side);
  fade.addColorStop(0, "skyblue"); fade.addColorStop(1, "seagreen");
  context.fillStyle = fade;
  context.fillRect(0, 0, side, side);
  const painting = new Painting();
  const picture = { id: "bench", width: side, height: side, name: "", blob: null };
  painting.bitmap = surface.transferToImageBitmap();
  painting.picture = picture;
  painting.frame = { x: 0, y: 0, width: side, height: side };
  canvas.show(mode, painting);
  const moves = [], draws = [];
  const timed = (owner, name, into) => {
    const original = owner[name].bind(owner);
    owner[name] = (...given) => {
      const from = performance.now();
      original(...given);
      into.push(performance.now() - from);
    };
  };
  timed(canvas.pointers, "onMove", moves);
  timed(canvas.screen, "draw", draws);
  window.bench = { canvas, painting, encode, moves, draws };
}"""


class Files(http.server.SimpleHTTPRequestHandler):
    """The page's assets, and an empty page at /."""

    def do_GET(self) -> None:
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)
        return None

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(ASSETS)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox", "--disable-gpu"])
        for mode in ("inpaint", "sketch"):
            for size in (40, 200, 1000):
                page = browser.new_page(viewport={"width": 900, "height": 900})
                page.goto(f"http://127.0.0.1:{server.server_port}/")
                page.evaluate(SET_UP, [arguments.side, mode])
                print(mode, f"brush {size} px:", json.dumps(_painted(page, size)))
                page.close()
        browser.close()


def _painted(page: Any, size: int) -> dict[str, Any]:
    """Three strokes across the picture with a soft brush; times in milliseconds."""
    page.evaluate("size => bench.canvas.setBrush({ size, softness: 0.5 })", size)
    box = page.locator(".canvas-stage").bounding_box()
    for row in (0.3, 0.5, 0.7):
        page.mouse.move(box["x"] + 0.15 * box["width"], box["y"] + row * box["height"])
        page.mouse.down()
        for n in range(60):
            page.mouse.move(
                box["x"] + (0.15 + 0.7 * n / 60) * box["width"], box["y"] + (row + 0.03 * (n % 5)) * box["height"]
            )
        page.mouse.up()
    return page.evaluate("""async () => {
      const { moves, draws, canvas, painting, encode } = bench;
      const told = (times) => {
        const sorted = [...times].sort((a, b) => a - b);
        const mean = sorted.reduce((a, b) => a + b, 0) / sorted.length;
        return { mean: +mean.toFixed(2), p95: +sorted[Math.floor(sorted.length * 0.95)].toFixed(2), n: sorted.length };
      };
      const history = painting.history.bytes;
      let from = performance.now();
      await canvas.undo();
      const undo = performance.now() - from;
      from = performance.now();
      const blob = await encode(painting.layers[canvas.layer], painting.frame);
      const encoding = performance.now() - from;
      const megabytes = (bytes) => +(bytes / 2 ** 20).toFixed(1);
      return {
        move: told(moves), draw: told(draws), undo: +undo.toFixed(1), encode: +encoding.toFixed(0),
        file_kb: Math.round(blob.size / 1024), layer_mb: megabytes(painting.layers[canvas.layer].bytes),
        history_mb: megabytes(history),
      };
    }""")


if __name__ == "__main__":
    main()
