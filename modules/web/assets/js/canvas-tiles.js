// A layer of a painting: square tiles of bytes that exist only where something was painted, so that a
// layer takes what its paint takes, whatever the size of the picture. The arrays are the truth; what
// is seen of them is made in canvas-surface.js.
//
// One channel is a mask (0 to 255), four are colour (RGBA, not premultiplied). Tiles may lie left of
// and above the picture, where it is extended.

export const TILE = 256;
const OFFSET = 512;

export const keyOf = (tx, ty) => (ty + OFFSET) * 1024 + tx + OFFSET;
export const columnOf = (key) => (key % 1024) - OFFSET;
export const rowOf = (key) => Math.floor(key / 1024) - OFFSET;

/** Whole tiles a rectangle touches, as ranges of columns and rows, the last ones included. */
export function tilesOf({ x, y, width, height }) {
  return {
    left: Math.floor(x / TILE), right: Math.floor((x + width - 1) / TILE),
    top: Math.floor(y / TILE), bottom: Math.floor((y + height - 1) / TILE),
  };
}

export class Tiles {
  constructor(channels) {
    this.channels = channels;
    this.map = new Map();
  }

  get empty() {
    return this.map.size === 0;
  }

  /** Bytes in memory. */
  get bytes() {
    return this.map.size * TILE * TILE * this.channels;
  }

  get(key) {
    return this.map.get(key) ?? null;
  }

  /** The tile at a key, made where there is none. */
  at(key) {
    let tile = this.map.get(key);
    if (!tile) this.map.set(key, tile = new Uint8ClampedArray(TILE * TILE * this.channels));
    return tile;
  }

  /** A copy of a rectangle inside one tile; zeros where there is no tile. */
  cut(key, { x, y, width, height }) {
    const { channels } = this;
    const piece = new Uint8ClampedArray(width * height * channels);
    const tile = this.map.get(key);
    if (!tile) return piece;
    for (let row = 0; row < height; row++) {
      const from = ((y + row) * TILE + x) * channels;
      piece.set(tile.subarray(from, from + width * channels), row * width * channels);
    }
    return piece;
  }

  /** Put what `cut` gave back. */
  put(key, { x, y, width, height }, piece) {
    const { channels } = this;
    const tile = this.at(key);
    for (let row = 0; row < height; row++) {
      tile.set(piece.subarray(row * width * channels, (row + 1) * width * channels), ((y + row) * TILE + x) * channels);
    }
  }

  /** Rows `from` to `to` (not included) of the layer inside `frame` as one array; unpainted is 0. */
  rows(frame, from, to) {
    const { channels } = this;
    const out = new Uint8ClampedArray(frame.width * (to - from) * channels);
    const area = { x: frame.x, y: frame.y + from, width: frame.width, height: to - from };
    this.each(area, (key, tile, left, top) => {
      const x0 = Math.max(left, area.x);
      const x1 = Math.min(left + TILE, area.x + area.width);
      for (let y = Math.max(top, area.y); y < Math.min(top + TILE, area.y + area.height); y++) {
        const start = ((y - top) * TILE + x0 - left) * channels;
        out.set(tile.subarray(start, start + (x1 - x0) * channels), ((y - area.y) * frame.width + x0 - frame.x) * channels);
      }
    });
    return out;
  }

  /** Put rows that `rows` gave, `y0` being their first; all-zero tiles are not made. */
  setRows(frame, y0, rows) {
    const { channels } = this;
    const stride = frame.width * channels;
    const count = rows.length / stride;
    const area = { x: frame.x, y: frame.y + y0, width: frame.width, height: count };
    const { left, right, top, bottom } = tilesOf(area);
    for (let ty = top; ty <= bottom; ty++) {
      for (let tx = left; tx <= right; tx++) {
        const x0 = Math.max(tx * TILE, area.x);
        const x1 = Math.min((tx + 1) * TILE, area.x + area.width);
        for (let y = Math.max(ty * TILE, area.y); y < Math.min((ty + 1) * TILE, area.y + area.height); y++) {
          const from = (y - area.y) * stride + (x0 - area.x) * channels;
          const line = rows.subarray(from, from + (x1 - x0) * channels);
          const key = keyOf(tx, ty);
          if (!this.map.has(key) && line.every((value) => value === 0)) continue;
          this.at(key).set(line, ((y - ty * TILE) * TILE + x0 - tx * TILE) * channels);
        }
      }
    }
  }

  /** Call `act(key, tile, left, top)` for every tile that a rectangle touches. */
  each(area, act) {
    const { left, right, top, bottom } = tilesOf(area);
    for (let ty = top; ty <= bottom; ty++) {
      for (let tx = left; tx <= right; tx++) {
        const key = keyOf(tx, ty);
        const tile = this.map.get(key);
        if (tile) act(key, tile, tx * TILE, ty * TILE);
      }
    }
  }

  /** The value of one channel at a point. */
  value(x, y, channel = 0) {
    const [tx, ty] = [Math.floor(x / TILE), Math.floor(y / TILE)];
    const tile = this.map.get(keyOf(tx, ty));
    return tile ? tile[((y - ty * TILE) * TILE + x - tx * TILE) * this.channels + channel] : 0;
  }

  /** Whether anything is painted inside a rectangle. */
  painted(area) {
    const alpha = this.channels - 1;
    const { left, right, top, bottom } = tilesOf(area);
    for (const [key, tile] of this.map) {
      const [tx, ty] = [columnOf(key), rowOf(key)];
      if (tx < left || tx > right || ty < top || ty > bottom) continue;
      for (let y = 0; y < TILE; y++) {
        const py = ty * TILE + y;
        if (py < area.y || py >= area.y + area.height) continue;
        for (let x = 0; x < TILE; x++) {
          const px = tx * TILE + x;
          if (px < area.x || px >= area.x + area.width) continue;
          if (tile[(y * TILE + x) * this.channels + alpha]) return true;
        }
      }
    }
    return false;
  }
}
