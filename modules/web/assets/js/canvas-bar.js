// The buttons over the canvas: tools, layer, brush, undo and redo, the view, files, help.

import { help } from "./canvas-keys.js";
import { make, settings } from "./page.js";

const TOOLS = {
  brush: "Brush (B)", eraser: "Eraser (E)", lasso: "Lasso: fill what you go around (L)", fill: "Fill a closed region (G)",
  pick: "Eyedropper: take a colour from the picture (I)", hand: "Move the view (H)", frame: "Frame: drag it beyond the picture to extend it (T)",
};
const LAYERS = { color: "Colour", mask: "Mask" };
const FILLS = { mirror: "mirror", edge: "edge", noise: "noise", color: "colour" };

export class CanvasBar {
  constructor(canvas) {
    this.canvas = canvas;
    this.tools = Object.entries(TOOLS).map(([name, title]) => this.button(name, title, () => canvas.chooseTool(name), { "data-tool": name, "aria-pressed": "false" }));
    this.layers = Object.entries(LAYERS).map(([name, text]) =>
      make("button", { type: "button", class: "canvas-layer", "data-layer": name, "aria-pressed": "false", title: `Paint on the layer: ${text} (M switches)`, onclick: () => canvas.chooseLayer(name) }, text));
    this.color = make("input", { type: "color", class: "canvas-color", title: "Colour of the brush", "aria-label": "Colour of the brush" });
    this.color.addEventListener("input", () => canvas.setBrush({ color: this.color.value }));
    this.size = this.slider("Size", 0, 100, (value) => canvas.setBrush({ size: sizeAt(value, canvas.largestBrush), chosen: true }));
    this.softness = this.slider("Softness", 0, 100, (value) => canvas.setBrush({ softness: value / 100 }));
    this.opacity = this.slider("Opacity", 5, 100, (value) => canvas.setBrush({ opacity: value / 100 }));
    this.pressure = this.button("pressure", "A pen's pressure sets the size", () => canvas.setBrush({ pressure: !canvas.brush.pressure }));
    this.undo = this.button("undo", "Undo (Ctrl+Z)", () => canvas.undo());
    this.redo = this.button("redo", "Redo (Ctrl+Shift+Z)", () => canvas.redo());
    this.wipe = this.button("wipe", "Clear what is painted on this layer (Delete)", () => canvas.painting.wipe(canvas.layer));
    this.unframe = this.button("unframe", "Put the frame back around the picture", () => this.resetFrame());
    this.fills = make("select", { class: "canvas-fill", title: "What the new part is filled with before it is painted", "aria-label": "Fill of the new part" },
      ...Object.entries(FILLS).map(([name, text]) => make("option", { value: name }, text)));
    this.fills.addEventListener("change", () => { canvas.painting.fill = this.fills.value; canvas.painting.changed(); });
    this.fit = this.button("fit", "Show all (R)", () => canvas.fit());
    this.expand = this.button("expand", "Fill the window (S)", () => canvas.expand());
    this.open = this.button("open", "Choose another picture", () => canvas.choose());
    this.remove = this.button("remove", "Take the picture away", () => canvas.painting.clear());
    this.helpButton = this.button("help", "Keys (?)", () => this.toggleHelp(), { "aria-expanded": "false" });
    this.help = make("div", { class: "canvas-help", hidden: "", role: "note" });
    this.framing = make("label", { class: "canvas-framing" }, make("span", {}, "Fill with"), this.fills, this.unframe);
    this.sliders = make("div", { class: "canvas-sliders" }, this.color, this.size.root, this.softness.root, this.opacity.root, this.pressure);
    this.root = make("div", { class: "canvas-bar", role: "toolbar", "aria-label": "Canvas tools" },
      group("canvas-tools", ...this.tools), group("canvas-layers", ...this.layers), group("", this.undo, this.redo, this.wipe),
      group("canvas-end", this.fit, this.expand, this.open, this.remove, this.helpButton),
      this.sliders, this.framing, this.help);
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    document.addEventListener("pointerdown", (event) => {
      if (!this.help.hidden && !this.help.contains(event.target) && !this.helpButton.contains(event.target)) this.toggleHelp();
    });
  }

  button(name, title, onclick, attributes = {}) {
    return make("button", { type: "button", class: `canvas-button ${name}`, title, "aria-label": title, onclick, ...attributes });
  }

  slider(text, min, max, change) {
    const input = make("input", { type: "range", min, max, step: "1", "aria-label": `${text} of the brush` });
    const value = make("output", {}, "");
    input.addEventListener("input", () => change(Number(input.value)));
    return { root: make("label", { class: "canvas-slider" }, make("span", {}, text), input, value), input, value };
  }

  /** Show what the canvas is like now. */
  update() {
    const { canvas } = this;
    const { painting, brush, tools, layers, layer, tool } = canvas;
    const filled = Boolean(painting.picture);
    this.root.classList.toggle("filled", filled);
    for (const button of this.tools) {
      button.hidden = tools.length < 2 || !tools.includes(button.dataset.tool);
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
    for (const button of this.layers) {
      button.hidden = layers.length < 2;
      button.setAttribute("aria-pressed", String(button.dataset.layer === layer));
    }
    const brushes = ["brush", "eraser"].includes(tool) && layer !== null;
    this.sliders.hidden = !(brushes || (layer === "color" && tools.includes("brush")));
    this.color.hidden = layer !== "color";
    this.color.value = brush.color;
    for (const one of [this.size, this.softness]) one.root.hidden = !brushes;
    this.opacity.root.hidden = layer !== "color" || tool === "eraser";
    this.pressure.hidden = !brushes;
    this.pressure.setAttribute("aria-pressed", String(brush.pressure));
    show(this.size, valueOf(brush.size, canvas.largestBrush), `${Math.round(brush.size)} px`);
    show(this.softness, brush.softness * 100, `${Math.round(brush.softness * 100)}%`);
    show(this.opacity, brush.opacity * 100, `${Math.round(brush.opacity * 100)}%`);
    this.undo.disabled = !painting.history.canUndo;
    this.redo.disabled = !painting.history.canRedo;
    this.undo.hidden = this.redo.hidden = this.wipe.hidden = layers.length === 0;
    this.wipe.disabled = layer === null || painting.layers[layer].empty;
    this.framing.hidden = !(tools.includes("frame") && (tool === "frame" || painting.extended));
    this.unframe.disabled = !painting.extended;
    this.fills.value = painting.fill;
    for (const button of [this.fit, this.expand, this.open, this.remove]) button.disabled = !filled;
    this.expand.classList.toggle("on", canvas.expanded);
    this.helpButton.hidden = settings.canvas_show_tooltip === false;
  }

  resetFrame() {
    const { painting } = this.canvas;
    const { width, height } = painting.picture;
    painting.reframe({ x: 0, y: 0, width, height });
    this.canvas.fit();
    this.canvas.dispatchEvent(new Event("frame"));
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    this.helpButton.setAttribute("aria-expanded", String(!this.help.hidden));
    if (this.help.hidden) return;
    const rows = help().flatMap(([keys, does]) => [make("dt", {}, keys), make("dd", {}, does)]);
    this.help.replaceChildren(make("dl", {}, ...rows));
  }

  onKey(event) {
    if (event.key === "Escape" && !this.help.hidden) {
      event.stopPropagation();
      this.toggleHelp();
      this.helpButton.focus();
    }
  }
}

const group = (name, ...children) => make("div", { class: `canvas-group ${name}` }, ...children);

function show({ input, value }, number, text) {
  input.value = String(Math.round(number));
  value.textContent = text;
}

// The size slider is finer where brushes are small.
const sizeAt = (value, largest) => Math.max(1, Math.round(largest ** (value / 100)));
const valueOf = (size, largest) => (100 * Math.log(Math.max(size, 1))) / Math.log(largest);
