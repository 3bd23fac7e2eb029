// What is seen of a layer: a small bitmap for each of its tiles, no finer than the screen can show, so
// that a large picture seen whole costs little. A mask is shown as stripes of its colour, which are
// seen on a picture of any colour.

import { TILE, columnOf, rowOf, tilesOf } from "./canvas-tiles.js";
import { surface } from "./canvas-png.js";

const COARSEST = 4;
const STRIPE = 3; // pixels of the bitmap, as a power of two

export class Surfaces {
  /** `color` of a mask as [r, g, b]; a colour layer has its own. */
  constructor(tiles, color = [255, 255, 255]) {
    this.tiles = tiles;
    this.color = color;
    this.level = 0;
    this.made = new Map();
  }

  /** A part of a tile has changed; without coordinates all of it. */
  touch(key, x0 = 0, y0 = 0, x1 = TILE, y1 = TILE) {
    const shown = this.made.get(key);
    if (!shown) return;
    const { stale } = shown;
    shown.stale = stale
      ? [Math.min(stale[0], x0), Math.min(stale[1], y0), Math.max(stale[2], x1), Math.max(stale[3], y1)]
      : [x0, y0, x1, y1];
  }

  /** Forget every bitmap. */
  drop() {
    this.made.clear();
  }

  /** Draw what lies inside `area`, a rectangle of the picture, through a view. */
  draw(context, view, area) {
    if (this.tiles.empty) return;
    const level = Math.min(Math.max(Math.floor(Math.log2(1 / view.scale)), 0), COARSEST);
    if (level !== this.level) {
      this.level = level;
      this.drop();
    }
    this.tiles.each(area, (key, tile, left, top) => {
      const bitmap = this.bitmap(key, tile);
      // Whole device pixels, so that neighbours neither overlap nor leave a line between them.
      const [x0, y0] = view.toScreen(left, top).map(Math.round);
      const [x1, y1] = view.toScreen(left + TILE, top + TILE).map(Math.round);
      context.drawImage(bitmap, x0, y0, x1 - x0, y1 - y0);
    });
    if (this.made.size > 600) this.forget(area);
  }

  /** Give up bitmaps out of sight. */
  forget(area) {
    const { left, right, top, bottom } = tilesOf(area);
    for (const key of this.made.keys()) {
      const [tx, ty] = [columnOf(key), rowOf(key)];
      if (tx < left || tx > right || ty < top || ty > bottom) this.made.delete(key);
    }
  }

  bitmap(key, tile) {
    let shown = this.made.get(key);
    if (!shown) {
      const side = TILE >> this.level;
      shown = { bitmap: surface(side, side), stale: [0, 0, TILE, TILE] };
      this.made.set(key, shown);
    }
    if (shown.stale) this.render(shown, key, tile);
    return shown.bitmap;
  }

  render(shown, key, tile) {
    const { level } = this;
    const side = TILE >> level;
    const [x0, y0] = [shown.stale[0] >> level, shown.stale[1] >> level];
    const x1 = Math.min(side, (shown.stale[2] + (1 << level) - 1) >> level);
    const y1 = Math.min(side, (shown.stale[3] + (1 << level) - 1) >> level);
    shown.stale = null;
    if (x1 <= x0 || y1 <= y0) return;
    const image = new ImageData(x1 - x0, y1 - y0);
    const fill = this.tiles.channels === 4 ? this.colors : this.stripes;
    fill.call(this, image.data, tile, x0, y0, x1, y1, columnOf(key) * side, rowOf(key) * side);
    shown.bitmap.getContext("2d").putImageData(image, x0, y0);
  }

  colors(out, tile, x0, y0, x1, y1) {
    const { level } = this;
    const half = (1 << level) >> 1;
    let i = 0;
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++, i += 4) {
        const at = (((y << level) + half) * TILE + (x << level) + half) * 4;
        out[i] = tile[at];
        out[i + 1] = tile[at + 1];
        out[i + 2] = tile[at + 2];
        out[i + 3] = tile[at + 3];
      }
    }
  }

  stripes(out, tile, x0, y0, x1, y1, ox, oy) {
    const { level, color } = this;
    const half = (1 << level) >> 1;
    let i = 0;
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++, i += 4) {
        const value = tile[((y << level) + half) * TILE + (x << level) + half];
        if (!value) continue;
        const dark = ((ox + x + oy + y) >> STRIPE) & 1;
        out[i] = dark ? color[0] >> 1 : color[0];
        out[i + 1] = dark ? color[1] >> 1 : color[1];
        out[i + 2] = dark ? color[2] >> 1 : color[2];
        out[i + 3] = value * 0.58;
      }
    }
  }
}
