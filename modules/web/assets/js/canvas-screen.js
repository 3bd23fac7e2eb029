// Drawing what is seen: the picture, the layers over it, the frame. Only what has changed is drawn
// again, once for each frame of the screen.

import { surface } from "./canvas-png.js";
import { TILE, columnOf, rowOf } from "./canvas-tiles.js";

const SETTLED = 140;
const ALL = { x: -Infinity, y: -Infinity, width: Infinity, height: Infinity };

export class Screen {
  /** `scene()` answers with {bitmap, layers, frame, picture, lasso}; each layer is a `Surfaces`. */
  constructor(canvas, view, scene) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.view = view;
    this.scene = scene;
    this.stale = null;
    this.waiting = false;
    this.still = null; // the picture drawn finely, at one place
    this.colors = { back: "#888", line: "#888", accent: "#f80" };
  }

  resize(width, height, ratio) {
    this.view.resize(width, height, ratio);
    this.canvas.width = this.view.width;
    this.canvas.height = this.view.height;
    this.readColors();
    this.all();
  }

  readColors() {
    const style = getComputedStyle(this.canvas);
    const of = (name, other) => style.getPropertyValue(name).trim() || other;
    this.colors = { back: of("--a-well", "#888"), line: of("--a-line-strong", "#888"), accent: of("--a-accent", "#f80") };
  }

  /** Everything is to be drawn again. */
  all() {
    this.stale = ALL;
    this.soon();
  }

  /** A part of a tile is. */
  tile(key, x0, y0, x1, y1) {
    const [ox, oy] = [columnOf(key) * TILE, rowOf(key) * TILE];
    const [left, top] = this.view.toScreen(ox + x0, oy + y0).map(Math.floor);
    const [right, bottom] = this.view.toScreen(ox + x1, oy + y1).map(Math.ceil);
    const area = { x: left - 2, y: top - 2, width: right - left + 4, height: bottom - top + 4 };
    this.stale = this.stale ? union(this.stale, area) : area;
    this.soon();
  }

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const whole = { x: 0, y: 0, width: this.canvas.width, height: this.canvas.height };
    const area = this.stale ? crossing(this.stale, whole) : null;
    this.stale = null;
    if (!area) return;
    const { context, view } = this;
    const { bitmap, picture, layers, frame, lasso } = this.scene();
    context.save();
    context.beginPath();
    context.rect(area.x, area.y, area.width, area.height);
    context.clip();
    context.fillStyle = this.colors.back;
    context.fillRect(area.x, area.y, area.width, area.height);
    if (picture) {
      if (bitmap) this.picture(bitmap, picture);
      context.imageSmoothingEnabled = view.scale < 4;
      context.imageSmoothingQuality = "low";
      for (const layer of layers) layer.draw(context, view, view.seen(area));
      this.edges(picture, frame);
      if (lasso) this.outline(lasso);
    }
    context.restore();
  }

  /** The picture: quickly while it moves, finely once it rests. */
  picture(bitmap, picture) {
    const { view, context } = this;
    const place = [view.x, view.y, view.scale, view.width, view.height].join();
    if (this.still?.place === place && this.still.bitmap === bitmap) {
      context.drawImage(this.still.canvas, 0, 0);
      return;
    }
    this.bitmap(context, bitmap, picture, "low");
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(place, bitmap, picture), SETTLED);
  }

  settle(place, bitmap, picture) {
    // It may have been given up meanwhile.
    if (this.scene().bitmap !== bitmap) return;
    const { width, height } = this.canvas;
    const canvas = this.still?.canvas ?? surface(width, height);
    Object.assign(canvas, { width, height });
    this.bitmap(canvas.getContext("2d"), bitmap, picture, "high");
    this.still = { place, bitmap, canvas };
    this.all();
  }

  bitmap(context, bitmap, { width, height }, quality) {
    const { view } = this;
    const [x0, y0] = view.toScreen(0, 0).map(Math.round);
    const [x1, y1] = view.toScreen(width, height).map(Math.round);
    context.fillStyle = checks(context, view.ratio);
    context.fillRect(x0, y0, x1 - x0, y1 - y0);
    context.imageSmoothingEnabled = view.scale < 4;
    context.imageSmoothingQuality = quality;
    context.drawImage(bitmap, x0, y0, x1 - x0, y1 - y0);
  }

  /** The picture's edge and, where it is extended, the frame around it with its new part hatched. */
  edges(picture, frame) {
    const { view, context, colors } = this;
    const box = (rect) => {
      const [x0, y0] = view.toScreen(rect.x, rect.y).map(Math.round);
      const [x1, y1] = view.toScreen(rect.x + rect.width, rect.y + rect.height).map(Math.round);
      return [x0 - 0.5, y0 - 0.5, x1 - x0 + 1, y1 - y0 + 1];
    };
    const inner = box({ x: 0, y: 0, width: picture.width, height: picture.height });
    const outer = box(frame);
    context.lineWidth = 1;
    if (outer.join() !== inner.join()) {
      context.fillStyle = hatching(context, view.ratio, colors.accent);
      context.beginPath();
      context.rect(...outer);
      context.rect(...inner);
      context.fill("evenodd");
      context.strokeStyle = colors.accent;
      context.strokeRect(...outer);
    }
    context.strokeStyle = colors.line;
    context.strokeRect(...inner);
  }

  outline(points) {
    const { context, view } = this;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(...view.toScreen(x, y));
    for (const [color, offset] of [["#fff", 0], ["#000", 4]]) {
      context.strokeStyle = color;
      context.lineWidth = 1.5 * view.ratio;
      context.setLineDash([4, 4]);
      context.lineDashOffset = offset;
      context.stroke();
    }
    context.setLineDash([]);
  }
}

function union(a, b) {
  if (a === ALL) return a;
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return { x, y, width: Math.max(a.x + a.width, b.x + b.width) - x, height: Math.max(a.y + a.height, b.y + b.height) - y };
}

function crossing(a, b) {
  if (a === ALL) return b;
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  const [width, height] = [Math.min(a.x + a.width, b.x + b.width) - x, Math.min(a.y + a.height, b.y + b.height) - y];
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** A repeating pattern drawn once for each kind. */
const patterns = new Map();

function pattern(name, context, side, draw) {
  let tile = patterns.get(name);
  if (!tile) {
    tile = surface(side, side);
    draw(tile.getContext("2d"));
    patterns.set(name, tile);
  }
  return context.createPattern(tile, "repeat");
}

function checks(context, ratio) {
  const side = Math.round(8 * ratio);
  return pattern(`checks${side}`, context, 2 * side, (on) => {
    on.fillStyle = "#bbb";
    on.fillRect(0, 0, 2 * side, 2 * side);
    on.fillStyle = "#999";
    on.fillRect(0, 0, side, side);
    on.fillRect(side, side, side, side);
  });
}

function hatching(context, ratio, color) {
  const side = Math.round(10 * ratio);
  return pattern(`hatch${side}${color}`, context, side, (on) => {
    on.strokeStyle = color;
    on.globalAlpha = 0.5;
    on.lineWidth = ratio;
    on.beginPath();
    for (const offset of [-side, 0, side]) {
      on.moveTo(offset, side);
      on.lineTo(offset + side, 0);
    }
    on.stroke();
  });
}
