// The frame: what will be generated. Dragged beyond the picture it makes room to be painted anew
// (outpainting); it never becomes smaller than the picture.

import { make } from "./page.js";

const STEP = 8; // sides of generated pictures are multiples of it
const LARGEST = 8192;
const EDGES = { n: "top", e: "right", s: "bottom", w: "left", ne: "top right", se: "bottom right", sw: "bottom left", nw: "top left" };

export class FrameHandles {
  constructor(canvas) {
    this.canvas = canvas;
    this.handles = Object.entries(EDGES).map(([edge, name]) => this.handle(edge, name));
    this.label = make("div", { class: "frame-size", hidden: "" });
    canvas.stage.append(...this.handles, this.label);
  }

  handle(edge, name) {
    const handle = make("div", { class: "frame-handle", "data-edge": edge, tabindex: "0", role: "button", "aria-label": `Extend the picture: ${name}`, title: "Drag, or use the arrow keys (Shift: bigger steps)", hidden: "" });
    handle.addEventListener("pointerdown", (event) => this.drag(event, handle, edge));
    handle.addEventListener("keydown", (event) => this.onKey(event, edge));
    return handle;
  }

  get on() {
    return this.canvas.tool === "frame" && Boolean(this.canvas.painting.picture);
  }

  update() {
    for (const handle of this.handles) handle.hidden = !this.on;
    this.label.hidden = !this.on;
    this.place();
  }

  place() {
    if (!this.on) return;
    const { view, painting } = this.canvas;
    const { frame } = painting;
    const [x0, y0] = view.toScreen(frame.x, frame.y).map((at) => at / view.ratio);
    const [x1, y1] = view.toScreen(frame.x + frame.width, frame.y + frame.height).map((at) => at / view.ratio);
    for (const handle of this.handles) {
      const { edge } = handle.dataset;
      const x = edge.includes("w") ? x0 : edge.includes("e") ? x1 : (x0 + x1) / 2;
      const y = edge.includes("n") ? y0 : edge.includes("s") ? y1 : (y0 + y1) / 2;
      handle.style.transform = `translate(${x}px, ${y}px)`;
    }
    this.label.textContent = `${frame.width} × ${frame.height}`;
    this.label.style.transform = `translate(${(x0 + x1) / 2}px, ${y1}px)`;
  }

  drag(event, handle, edge) {
    event.preventDefault();
    event.stopPropagation();
    handle.setPointerCapture(event.pointerId);
    const { canvas } = this;
    const { painting, view } = canvas;
    const before = painting.frame;
    const [fromX, fromY] = [event.clientX, event.clientY];
    const factor = view.ratio / view.scale;
    const move = (moved) => {
      painting.frame = this.moved(before, edge, (moved.clientX - fromX) * factor, (moved.clientY - fromY) * factor);
      this.place();
      canvas.screen.all();
    };
    const done = () => {
      handle.removeEventListener("pointermove", move);
      const after = painting.frame;
      painting.frame = before;
      this.settle(after);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", done, { once: true });
  }

  onKey(event, edge) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const step = event.shiftKey ? 64 : STEP;
    this.settle(this.moved(this.canvas.painting.frame, edge, by[0] * step, by[1] * step));
  }

  /** Take a frame for good. */
  settle(frame) {
    const { painting } = this.canvas;
    if (["x", "y", "width", "height"].every((side) => frame[side] === painting.frame[side])) return;
    painting.reframe(frame);
    this.canvas.fit();
    this.canvas.dispatchEvent(new Event("frame"));
  }

  /** A frame with one edge or corner moved: whole steps, around the picture, not too large. */
  moved(frame, edge, dx, dy) {
    const { picture } = this.canvas.painting;
    let [left, top] = [frame.x, frame.y];
    let [right, bottom] = [left + frame.width, top + frame.height];
    const whole = (length) => Math.min(Math.ceil(Math.round(length) / STEP) * STEP, LARGEST);
    if (edge.includes("e")) right = left + grown(whole(right + dx - left), picture.width - left);
    if (edge.includes("s")) bottom = top + grown(whole(bottom + dy - top), picture.height - top);
    if (edge.includes("w")) left = right - grown(whole(right - left - dx), right);
    if (edge.includes("n")) top = bottom - grown(whole(bottom - top - dy), bottom);
    return { x: left, y: top, width: right - left, height: bottom - top };
  }
}

/** A length that is not below the least one. */
const grown = (length, least) => Math.max(length, least);
