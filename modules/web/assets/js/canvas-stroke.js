// One stroke onto a layer. What a stroke covers is kept apart from what was there before it: covering a
// place twice in one stroke does not paint it twice, so that soft edges stay soft, and what was there
// is what undo needs.

import { TILE, keyOf, tilesOf } from "./canvas-tiles.js";

export class Stroke {
  /**
   * `ink` is {erase} for a mask and {color: [r, g, b], opacity: 0..1, erase} for colour. `clip` is the
   * rectangle outside of which nothing is painted. `touched(key, x0, y0, x1, y1)` hears what changes.
   */
  constructor(tiles, ink, clip, touched = () => {}) {
    this.tiles = tiles;
    this.ink = ink;
    this.clip = clip;
    this.touched = touched;
    this.places = new Map();
    /** (tile, before, at, coverage): one pixel anew from what was there before and how far it is covered now. */
    this.lay = tiles.channels === 1 ? (ink.erase ? eraseMask : paintMask) : ink.erase ? eraseColor : painter(ink);
  }

  /** What the stroke knows of a tile: coverage, the bytes before it, the rectangle it changed. */
  place(key) {
    let place = this.places.get(key);
    if (!place) {
      const tile = this.tiles.at(key);
      place = { tile, before: tile.slice(), cover: new Uint8Array(TILE * TILE), x0: TILE, y0: TILE, x1: 0, y1: 0 };
      this.places.set(key, place);
    }
    return place;
  }

  /**
   * A brush moved from one point to another, {x, y, r} in pixels of the picture. `softness` is the part
   * of the radius over which the paint fades, 0 to 1.
   */
  line(a, b, softness) {
    const most = Math.max(a.r, b.r) + 1;
    // In parts no longer than the brush is wide, so that little beside the line is looked at.
    const parts = Math.ceil(Math.hypot(b.x - a.x, b.y - a.y) / Math.max(2 * most, TILE / 4));
    if (parts > 1) {
      const at = (t) => ({ x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t, r: a.r + (b.r - a.r) * t });
      for (let n = 0; n < parts; n++) this.line(at(n / parts), at((n + 1) / parts), softness);
      return;
    }
    const box = this.clipped(Math.min(a.x, b.x) - most, Math.min(a.y, b.y) - most, Math.max(a.x, b.x) + most, Math.max(a.y, b.y) + most);
    if (!box) return;
    const { left, right, top, bottom } = tilesOf(box);
    for (let ty = top; ty <= bottom; ty++) {
      for (let tx = left; tx <= right; tx++) {
        const [ox, oy] = [tx * TILE, ty * TILE];
        const inside = {
          x0: Math.max(box.x - ox, 0), y0: Math.max(box.y - oy, 0),
          x1: Math.min(box.x + box.width - ox, TILE), y1: Math.min(box.y + box.height - oy, TILE),
        };
        this.capsule(keyOf(tx, ty), inside, { x: a.x - ox, y: a.y - oy, r: a.r }, { x: b.x - ox, y: b.y - oy, r: b.r }, softness);
      }
    }
  }

  /** The part of a line inside one tile, in the tile's own coordinates. */
  capsule(key, { x0, y0, x1, y1 }, a, b, softness) {
    const place = this.place(key);
    const { cover } = place;
    const { lay } = this;
    const dx = b.x - a.x;
    const dy = b.y - a.y;
    const length2 = dx * dx + dy * dy;
    const grows = b.r - a.r;
    let changed = false;
    for (let y = y0; y < y1; y++) {
      const py = y + 0.5 - a.y;
      for (let x = x0; x < x1; x++) {
        const at = y * TILE + x;
        if (cover[at] === 255) continue;
        const px = x + 0.5 - a.x;
        let t = length2 ? (px * dx + py * dy) / length2 : 0;
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        const ex = px - t * dx;
        const ey = py - t * dy;
        const d2 = ex * ex + ey * ey;
        const outer = a.r + t * grows + 0.5;
        if (d2 >= outer * outer) continue;
        const fade = Math.max(1, (outer - 0.5) * softness);
        const inner = outer - fade;
        let value = 255;
        if (inner < 0 || d2 > inner * inner) {
          let part = Math.min((outer - Math.sqrt(d2)) / fade, 1);
          if (softness > 0) part = part * part * (3 - 2 * part);
          value = (255 * part + 0.5) | 0;
        }
        if (value <= cover[at]) continue;
        cover[at] = value;
        lay(place.tile, place.before, at, value);
        changed = true;
      }
    }
    if (changed) this.mark(key, place, x0, y0, x1, y1);
  }

  /** Paint an area at once: `cover` has a byte for each pixel of the rectangle `area`. */
  area(area, cover) {
    const { left, right, top, bottom } = tilesOf(area);
    for (let ty = top; ty <= bottom; ty++) {
      for (let tx = left; tx <= right; tx++) this.areaOf(keyOf(tx, ty), tx * TILE, ty * TILE, area, cover);
    }
  }

  areaOf(key, ox, oy, area, cover) {
    const box = this.clipped(Math.max(area.x, ox), Math.max(area.y, oy), Math.min(area.x + area.width, ox + TILE), Math.min(area.y + area.height, oy + TILE));
    if (!box) return;
    let [place, x0, y0, x1, y1] = [null, TILE, TILE, 0, 0];
    for (let y = box.y; y < box.y + box.height; y++) {
      for (let x = box.x; x < box.x + box.width; x++) {
        const value = cover[(y - area.y) * area.width + x - area.x];
        if (!value) continue;
        place ??= this.place(key);
        const [tx, ty] = [x - ox, y - oy];
        const at = ty * TILE + tx;
        if (value <= place.cover[at]) continue;
        place.cover[at] = value;
        this.lay(place.tile, place.before, at, value);
        [x0, y0, x1, y1] = [Math.min(x0, tx), Math.min(y0, ty), Math.max(x1, tx + 1), Math.max(y1, ty + 1)];
      }
    }
    if (place && x1) this.mark(key, place, x0, y0, x1, y1);
  }

  clipped(x0, y0, x1, y1) {
    const { clip } = this;
    const x = Math.max(Math.floor(x0), clip.x);
    const y = Math.max(Math.floor(y0), clip.y);
    const width = Math.min(Math.ceil(x1), clip.x + clip.width) - x;
    const height = Math.min(Math.ceil(y1), clip.y + clip.height) - y;
    return width > 0 && height > 0 ? { x, y, width, height } : null;
  }

  mark(key, place, x0, y0, x1, y1) {
    place.x0 = Math.min(place.x0, x0);
    place.y0 = Math.min(place.y0, y0);
    place.x1 = Math.max(place.x1, x1);
    place.y1 = Math.max(place.y1, y1);
    this.touched(key, x0, y0, x1, y1);
  }

  /** What undo puts back: the changed rectangles as they were. */
  pieces() {
    const pieces = [];
    for (const [key, place] of this.places) {
      if (!place.x1) continue;
      const rect = { x: place.x0, y: place.y0, width: place.x1 - place.x0, height: place.y1 - place.y0 };
      const { channels } = this.tiles;
      const data = new Uint8ClampedArray(rect.width * rect.height * channels);
      for (let row = 0; row < rect.height; row++) {
        const from = ((rect.y + row) * TILE + rect.x) * channels;
        data.set(place.before.subarray(from, from + rect.width * channels), row * rect.width * channels);
      }
      pieces.push({ tiles: this.tiles, key, rect, data });
    }
    return pieces;
  }
}

function paintMask(tile, before, at, value) {
  tile[at] = before[at] + ((255 - before[at]) * value) / 255;
}

function eraseMask(tile, before, at, value) {
  tile[at] = (before[at] * (255 - value)) / 255;
}

function eraseColor(tile, before, at, value) {
  tile[at * 4 + 3] = (before[at * 4 + 3] * (255 - value)) / 255;
}

function painter({ color: [red, green, blue], opacity = 1 }) {
  return (tile, before, at, value) => {
    const i = at * 4;
    const over = (value / 255) * opacity;
    const under = (before[i + 3] / 255) * (1 - over);
    const alpha = over + under;
    tile[i] = (red * over + before[i] * under) / alpha;
    tile[i + 1] = (green * over + before[i + 1] * under) / alpha;
    tile[i + 2] = (blue * over + before[i + 2] * under) / alpha;
    tile[i + 3] = 255 * alpha;
  };
}
