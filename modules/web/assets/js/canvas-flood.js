// Filling a region of equal pixels, and areas drawn by hand, as coverage: a byte for each pixel.

import { surface } from "./canvas-png.js";

const ROWS = 256;

/**
 * The pixels connected with (x, y) for which `same` is 1, grown by one pixel so that no line is left
 * along soft edges. `same` is consumed.
 */
export function flood(same, width, height, x, y) {
  const cover = new Uint8Array(width * height);
  if (!same[y * width + x]) return cover;
  const stack = [x, y];
  while (stack.length) {
    const row = stack.pop();
    const column = stack.pop();
    let left = column;
    while (left > 0 && same[row * width + left - 1]) left -= 1;
    let [above, below] = [false, false];
    for (let at = left; at < width && same[row * width + at]; at++) {
      same[row * width + at] = 0;
      cover[row * width + at] = 255;
      const up = row > 0 && same[(row - 1) * width + at];
      const down = row < height - 1 && same[(row + 1) * width + at];
      if (up && !above) stack.push(at, row - 1);
      if (down && !below) stack.push(at, row + 1);
      above = Boolean(up);
      below = Boolean(down);
    }
  }
  return grown(cover, width, height);
}

function grown(cover, width, height) {
  const out = cover.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      if (cover[at]) continue;
      if ((x > 0 && cover[at - 1]) || (x < width - 1 && cover[at + 1]) || (y > 0 && cover[at - width]) || (y < height - 1 && cover[at + width])) out[at] = 255;
    }
  }
  return out;
}

/** Where a mask is painted (or not) as the mask value at a point is. */
export function sameMask(tiles, frame, x, y) {
  const values = tiles.rows(frame, 0, frame.height);
  const painted = values[y * frame.width + x] > 127;
  return Uint8Array.from(values, (value) => (value > 127) === painted ? 1 : 0);
}

/** Where the picture with its colour layer has nearly the colour of a point. */
export function sameColor(painting, x, y, tolerance = 28) {
  const { frame } = painting;
  const wanted = colorAt(painting, x, y);
  const same = new Uint8Array(frame.width * frame.height);
  for (let from = 0; from < frame.height; from += ROWS) {
    const to = Math.min(from + ROWS, frame.height);
    const data = seen(painting, from, to);
    for (let i = 0; i < data.length; i += 4) {
      const far = Math.max(Math.abs(data[i] - wanted[0]), Math.abs(data[i + 1] - wanted[1]), Math.abs(data[i + 2] - wanted[2]));
      same[from * frame.width + i / 4] = far <= tolerance ? 1 : 0;
    }
  }
  return same;
}

/** The colour seen at a point of the frame, [r, g, b]. */
export function colorAt(painting, x, y) {
  const data = seen(painting, y, y + 1);
  return [...data.slice(x * 4, x * 4 + 3)];
}

/** Rows of the picture under its colour layer, RGBA. */
function seen({ bitmap, picture, frame, layers }, from, to) {
  const stripe = surface(frame.width, to - from);
  const context = stripe.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, stripe.width, stripe.height);
  if (bitmap) context.drawImage(bitmap, -frame.x, -frame.y - from, picture.width, picture.height);
  const { data } = context.getImageData(0, 0, stripe.width, stripe.height);
  const over = layers.color.rows(frame, from, to);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = over[i + 3] / 255;
    if (alpha) for (let c = 0; c < 3; c++) data[i + c] = over[i + c] * alpha + data[i + c] * (1 - alpha);
  }
  return data;
}

/** Cover what a closed line goes around. `lay(area, cover)` gets it in parts. */
export function enclosed(points, clip, lay) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const left = Math.max(Math.floor(Math.min(...xs)), clip.x);
  const top = Math.max(Math.floor(Math.min(...ys)), clip.y);
  const right = Math.min(Math.ceil(Math.max(...xs)), clip.x + clip.width);
  const bottom = Math.min(Math.ceil(Math.max(...ys)), clip.y + clip.height);
  if (right <= left) return;
  for (let y = top; y < bottom; y += ROWS) {
    const area = { x: left, y, width: right - left, height: Math.min(ROWS, bottom - y) };
    const stripe = surface(area.width, area.height);
    const context = stripe.getContext("2d", { willReadFrequently: true });
    context.beginPath();
    for (const [px, py] of points) context.lineTo(px - left, py - y);
    context.fill("nonzero");
    const { data } = context.getImageData(0, 0, area.width, area.height);
    const cover = new Uint8Array(area.width * area.height);
    for (let i = 0; i < cover.length; i++) cover[i] = data[i * 4 + 3];
    lay(area, cover);
  }
}
