// The canvas: a picture to paint masks and colours on. This is where its parts meet; start reading here.
//
//   canvas-painting   what is painted: picture, layers, frame, history; kept by the server
//   canvas-tiles      a layer's pixels         canvas-stroke, -flood   putting paint on it
//   canvas-view       scale and place          canvas-screen, -surface drawing it
//   canvas-pointer    mouse, pen, fingers      canvas-keys, -bar, -frame, -files   keys, buttons, handles, files

import { CanvasBar } from "./canvas-bar.js";
import { hex, maskColor, rgb } from "./canvas-color.js";
import { acceptFiles } from "./canvas-files.js";
import { colorAt, enclosed, flood, sameColor, sameMask } from "./canvas-flood.js";
import { FrameHandles } from "./canvas-frame.js";
import { CanvasKeys, wheelDeed } from "./canvas-keys.js";
import { Painting } from "./canvas-painting.js";
import { Pointers } from "./canvas-pointer.js";
import { Screen } from "./canvas-screen.js";
import { Stroke } from "./canvas-stroke.js";
import { Surfaces } from "./canvas-surface.js";
import { View } from "./canvas-view.js";
import { make, settings } from "./page.js";
import { failed } from "./toast.js";

const SAMPLES = 0.12; // of the radius: points nearer to the last one wait for the next
const GROWTH = 1.12;

/** What can be done in each mode: the layers that are painted on, the first one first, and the tools. */
const ALL = ["brush", "eraser", "lasso", "fill", "pick", "hand"];
const MODES = {
  img2img: { layers: [], tools: ["hand"] },
  sketch: { layers: ["color"], tools: ALL },
  inpaint: { layers: ["mask"], tools: ["brush", "eraser", "lasso", "fill", "hand", "frame"] },
  inpaint_sketch: { layers: ["color", "mask"], tools: [...ALL, "frame"] },
};

export class Canvas extends EventTarget {
  constructor(tab) {
    super();
    this.tab = tab;
    this.view = new View();
    this.painting = new Painting();
    this.mode = "img2img";
    this.tool = "hand";
    this.layer = null;
    this.brush = { size: 40, softness: 0.2, opacity: 1, color: "#ffffff", pressure: true, chosen: false };
    this.stroke = null;
    this.lasso = null;
    this.cursor = make("div", { class: "canvas-cursor", hidden: "" });
    this.shape = make("div", { class: "canvas-shape", hidden: "" });
    this.canvas = make("canvas", { class: "canvas-screen" });
    this.empty = make("button", { type: "button", class: "canvas-empty", onclick: () => this.choose() },
      make("span", {}, "Drop a picture here, paste it, or press to choose a file"));
    this.stage = make("div", { class: "canvas-stage", tabindex: "0", role: "application", "aria-label": "Canvas" }, this.canvas, this.shape, this.cursor, this.empty);
    this.root = make("div", { class: "canvas" });
    this.bar = new CanvasBar(this);
    this.root.append(this.bar.root, this.stage);
    this.screen = new Screen(this.canvas, this.view, () => this.scene());
    this.pointers = new Pointers(this.stage, this);
    this.handles = new FrameHandles(this);
    this.keys = new CanvasKeys(this);
    acceptFiles(this.stage, (file) => this.load(file));
    this.onChange = () => this.changed();
    new ResizeObserver(() => this.resize()).observe(this.stage);
    new MutationObserver(() => { this.screen.readColors(); this.screen.all(); }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.show("img2img", this.painting);
  }

  /** Show a painting in one of the modes; the one shown before keeps its paint and gives up its bitmap. */
  show(mode, painting) {
    this.revert();
    const { layers, tools } = MODES[mode];
    if (painting !== this.painting) {
      this.painting.removeEventListener("change", this.onChange);
      this.painting.release();
    }
    painting.removeEventListener("change", this.onChange);
    painting.addEventListener("change", this.onChange);
    [this.mode, this.painting] = [mode, painting];
    this.stage.dataset.mode = mode;
    this.layers = layers;
    this.tools = tools;
    if (!layers.includes(this.layer)) this.layer = layers[0] ?? null;
    if (!tools.includes(this.tool) || this.tool === "hand") this.tool = tools[0];
    this.surfaces = {};
    painting.prepare().catch((error) => failed(error.message));
    this.changed();
    this.fit();
  }

  /** What there is to draw, see Screen. */
  scene() {
    const { painting } = this;
    const striped = maskColor(this.mode);
    const layers = ["color", "mask"].filter((name) => this.layers.includes(name)).map((name) => {
      const tiles = painting.layers[name];
      if (this.surfaces[name]?.tiles !== tiles) this.surfaces[name] = new Surfaces(tiles, striped);
      return this.surfaces[name];
    });
    return { bitmap: painting.bitmap, picture: painting.picture, frame: painting.frame, layers, lasso: this.lasso };
  }

  /** The painting is another, or its bitmap has come. */
  changed() {
    const { painting } = this;
    const size = painting.picture ? `${painting.picture.width}x${painting.picture.height}` : "";
    if (size !== this.size) {
      this.size = size;
      if (painting.picture && !this.brush.chosen) this.brush.size = Math.max(4, Math.round(Math.max(painting.picture.width, painting.picture.height) / 12));
      this.fit();
    }
    if (painting.picture && !painting.bitmap) painting.prepare().catch((error) => failed(error.message));
    this.stage.classList.toggle("filled", Boolean(painting.picture));
    this.empty.hidden = Boolean(painting.picture);
    this.stage.dataset.tool = this.tool;
    this.bar.update();
    this.handles.update();
    this.screen.all();
    this.dispatchEvent(new Event("change"));
  }

  // ---- files

  choose() {
    const input = make("input", { type: "file", accept: "image/*,.tif,.tiff" });
    input.addEventListener("change", () => { if (input.files[0]) this.load(input.files[0]); });
    input.click();
  }

  /** Put a file on the canvas; what is wrong with it is said. True if it worked. */
  async load(file) {
    const { painting } = this;
    this.stage.classList.add("loading");
    try {
      await painting.load(file);
      return true;
    } catch (error) {
      failed(error.message);
      return false;
    } finally {
      this.stage.classList.remove("loading");
    }
  }

  // ---- tools

  chooseTool(name) {
    if (!this.tools.includes(name)) return;
    const framed = this.tool === "frame" || name === "frame";
    this.tool = name;
    this.changed();
    if (framed && this.view.fitted) this.fit();
  }

  chooseLayer(name) {
    if (!this.layers.includes(name)) return;
    this.layer = name;
    this.changed();
  }

  setBrush(values) {
    Object.assign(this.brush, values);
    this.bar.update();
    this.drawCursor();
  }

  get largestBrush() {
    const { picture } = this.painting;
    return Math.max(128, picture ? Math.round(Math.max(picture.width, picture.height) / 2) : 0);
  }

  resizeBrush(by) {
    const { size } = this.brush;
    const next = by > 0 ? Math.max(size * GROWTH, size + 1) : Math.min(size / GROWTH, size - 1);
    this.setBrush({ size: Math.round(Math.min(Math.max(next, 1), this.largestBrush)), chosen: true });
  }

  begin(at, event, other) {
    this.stroke = null;
    const { layer, tool, painting } = this;
    if (!layer) return;
    const point = this.view.toPicture(...at);
    if (tool === "pick") return this.pick(point);
    const erase = (tool === "eraser") !== other;
    const ink = layer === "mask" ? { erase } : { erase, color: rgb(this.brush.color), opacity: this.brush.opacity };
    const tiles = painting.layers[layer];
    this.stroke = new Stroke(tiles, ink, painting.frame, (key, x0, y0, x1, y1) => {
      this.surfaces[layer]?.touch(key, x0, y0, x1, y1);
      this.screen.tile(key, x0, y0, x1, y1);
    });
    if (tool === "fill") return this.pour(point);
    if (tool === "lasso") {
      this.lasso = [point];
      return;
    }
    const start = this.sample(point, event);
    // With Shift a straight line goes on from where the last stroke ended.
    if (event.shiftKey && this.last) this.stroke.line({ ...this.last, r: start.r }, start, this.brush.softness);
    else this.stroke.line(start, start, this.brush.softness);
    this.last = start;
  }

  go(at, event) {
    if (!this.stroke) return;
    const point = this.view.toPicture(...at);
    if (this.lasso) {
      this.lasso.push(point);
      this.screen.all();
      return;
    }
    if (this.tool !== "brush" && this.tool !== "eraser") return;
    const next = this.sample(point, event);
    if (Math.hypot(next.x - this.last.x, next.y - this.last.y) < Math.max(SAMPLES * next.r, 0.4)) return;
    this.stroke.line(this.last, next, this.brush.softness);
    this.last = next;
  }

  end(at, event) {
    const { stroke, lasso } = this;
    if (!stroke) return;
    if (lasso) {
      lasso.push(this.view.toPicture(...at));
      enclosed(lasso, this.painting.frame, (area, cover) => stroke.area(area, cover));
      this.lasso = null;
      this.screen.all();
    } else if (event && this.last && (this.tool === "brush" || this.tool === "eraser")) {
      // A pen that is lifted weighs nothing; the line ends as thick as it was.
      const [x, y] = this.view.toPicture(...at);
      stroke.line(this.last, { x, y, r: this.last.r }, this.brush.softness);
      this.last = { x, y, r: this.last.r };
    }
    this.finish();
  }

  /** The stroke is done: it can be undone now, and goes to the server soon. */
  finish() {
    const pieces = this.stroke?.pieces() ?? [];
    this.stroke = null;
    if (!pieces.length) return;
    this.painting.history.push(pieces);
    this.painting.painted(this.layer);
  }

  /** The stroke was none: a second finger came down. */
  revert() {
    for (const { tiles, key, rect, data } of this.stroke?.pieces() ?? []) {
      tiles.put(key, rect, data);
      this.surfaces[this.layer]?.touch(key);
    }
    this.stroke = null;
    this.lasso = null;
    this.screen?.all();
  }

  sample([x, y], event) {
    const pressed = event.pointerType === "pen" && this.brush.pressure;
    const weight = pressed ? 0.08 + 0.92 * (event.pressure || 0) : 1;
    return { x, y, r: Math.max((this.brush.size / 2) * weight, 0.5) };
  }

  pour(point) {
    const { painting, layer, stroke } = this;
    const { frame } = painting;
    const [x, y] = [Math.floor(point[0]) - frame.x, Math.floor(point[1]) - frame.y];
    if (x < 0 || y < 0 || x >= frame.width || y >= frame.height) return;
    const same = layer === "mask" ? sameMask(painting.layers.mask, frame, x, y) : sameColor(painting, x, y);
    stroke.area(frame, flood(same, frame.width, frame.height, x, y));
    this.finish();
  }

  pick([x, y]) {
    const { frame } = this.painting;
    const [px, py] = [Math.floor(x) - frame.x, Math.floor(y) - frame.y];
    if (px < 0 || py < 0 || px >= frame.width || py >= frame.height) return;
    this.setBrush({ color: hex(colorAt(this.painting, px, py)) });
    this.chooseLayer("color");
  }

  async undo() {
    if (await this.painting.history.undo(this.restored())) this.painting.changed();
  }

  async redo() {
    if (await this.painting.history.redo(this.restored())) this.painting.changed();
  }

  /** Hears which tiles undo and redo put back. */
  restored() {
    const { painting } = this;
    return (tiles, key) => {
      const name = tiles.channels === 1 ? "mask" : "color";
      this.surfaces[name]?.touch(key);
      painting.dirty[name] = true;
      painting.version += 1;
    };
  }

  // ---- the view

  resize() {
    const { clientWidth, clientHeight } = this.stage;
    if (!clientWidth || !clientHeight) return;
    const { fitted } = this.view;
    const middle = this.view.toPicture(this.view.width / 2, this.view.height / 2);
    this.screen.resize(clientWidth, clientHeight, Math.min(devicePixelRatio || 1, 2));
    if (fitted) return this.fit();
    const [x, y] = this.view.toScreen(...middle);
    this.pan(this.view.width / 2 - x, this.view.height / 2 - y);
  }

  fit() {
    const { painting } = this;
    if (!painting.picture) return this.screen.all();
    this.view.fit(painting.frame, this.tool === "frame" ? 0.2 : 0);
    this.moved();
  }

  zoom(factor, at = [this.view.width / 2, this.view.height / 2]) {
    if (!this.painting.picture) return;
    this.view.zoom(factor, at, this.painting.frame);
    this.moved();
  }

  pan(dx, dy) {
    if (!this.painting.picture) return;
    this.view.pan(dx, dy, this.painting.frame);
    this.moved();
  }

  moved() {
    this.handles.place();
    this.drawCursor();
    this.screen.all();
  }

  /** Fill the window, or go back. */
  expand(on = !this.root.classList.contains("expanded")) {
    this.root.classList.toggle("expanded", on);
    document.documentElement.classList.toggle("canvas-expanded", on);
    this.view.fitted = true;
    this.bar.update();
    this.stage.focus({ preventScroll: true });
  }

  get expanded() {
    return this.root.classList.contains("expanded");
  }

  wheelDeed(event) {
    return wheelDeed(event, this.expanded);
  }

  /** For two seconds, the shape of a size on the picture, as it would be resized; 1 crops, 2 fills. */
  showAspect(width, height, mode) {
    const { picture, frame } = this.painting;
    if (!picture || !width || !height) return;
    const [x0, y0] = this.view.toScreen(frame.x, frame.y);
    const [wide, high] = [frame.width * this.view.scale, frame.height * this.view.scale];
    const factor = (mode === 1 ? Math.min : Math.max)(wide / width, high / height);
    const [w, h] = mode === 1 || mode === 2 ? [width * factor, height * factor] : [wide, high];
    const { ratio } = this.view;
    Object.assign(this.shape.style, {
      left: `${(x0 + (wide - w) / 2) / ratio}px`, top: `${(y0 + (high - h) / 2) / ratio}px`, width: `${w / ratio}px`, height: `${h / ratio}px`,
    });
    this.shape.hidden = false;
    clearTimeout(this.shown);
    this.shown = setTimeout(() => { this.shape.hidden = true; }, 2000);
  }

  // ---- the cursor

  touched(event) {
    if (settings.canvas_blur_prompt || !document.activeElement?.matches("textarea, input")) this.stage.focus({ preventScroll: true });
    if (event.pointerType === "touch") this.leave();
  }

  hover(at, event) {
    this.pointer = event.pointerType === "touch" ? null : at;
    this.drawCursor();
  }

  leave() {
    this.pointer = null;
    this.drawCursor();
  }

  drawCursor() {
    const painting = ["brush", "eraser"].includes(this.tool) && this.layer && this.painting.picture;
    this.cursor.hidden = !(this.pointer && painting);
    if (this.cursor.hidden) return;
    const { ratio, scale } = this.view;
    const side = Math.max((this.brush.size * scale) / ratio, 3);
    Object.assign(this.cursor.style, {
      width: `${side}px`, height: `${side}px`,
      transform: `translate(${this.pointer[0] / ratio - side / 2}px, ${this.pointer[1] / ratio - side / 2}px)`,
    });
  }
}
