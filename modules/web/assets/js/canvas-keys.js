// Keys of the canvas, while the pointer is over it or it has the focus. A1111's can be changed in the
// settings and come first; ours are fixed.

import { settings } from "./page.js";

const held = (event, name) => ({ Shift: event.shiftKey, Ctrl: event.ctrlKey || event.metaKey, Alt: event.altKey })[name] ?? false;

const off = (name) => (settings.canvas_disabled_functions ?? []).includes(name);

/** What the wheel does with the modifier that is held: zoom, brush or nothing. */
export function wheelDeed(event, expanded) {
  if (held(event, settings.canvas_hotkey_adjust ?? "Ctrl") && !off("Adjust brush size")) return "brush";
  if (held(event, settings.canvas_hotkey_zoom ?? "Alt") && !off("Zoom")) return "zoom";
  const bare = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
  // There is no page to scroll behind a canvas that fills the window.
  return expanded && bare ? "zoom" : null;
}

/** A key of the settings as KeyboardEvent.code or .key say it. */
const wanted = (name, other) => (settings[`canvas_hotkey_${name}`] || other).toUpperCase();

/** [keys as shown, what they do] for the help. */
export function help() {
  const adjust = settings.canvas_hotkey_adjust ?? "Ctrl";
  const zoom = settings.canvas_hotkey_zoom ?? "Alt";
  return [
    [`${zoom}+wheel, pinch`, "zoom", "Zoom"],
    [`${adjust}+wheel, ${wanted("shrink_brush", "Q")} and ${wanted("grow_brush", "W")}`, "brush size", "Adjust brush size"],
    [`${wanted("move", "F")} or Space held, middle button, two fingers`, "move", "Moving canvas"],
    [wanted("fullscreen", "S"), "fill the window and back", "Fullscreen"],
    [wanted("reset", "R"), "show all", "Reset Zoom"],
    ["B E L G", "brush, eraser, lasso, fill"],
    ["I H T", "eyedropper, hand, frame"],
    ["M", "switch between colour and mask"],
    ["right button", "erase instead of paint"],
    ["Shift+click", "straight line from the last point"],
    ["Ctrl+Z, Ctrl+Shift+Z", "undo, redo"],
    ["Delete", "clear the layer"],
  ].filter(([, , name]) => !name || !off(name));
}

const TOOLS = { B: "brush", E: "eraser", L: "lasso", G: "fill", I: "pick", H: "hand", T: "frame" };

export class CanvasKeys {
  constructor(canvas) {
    this.canvas = canvas;
    this.over = false;
    canvas.stage.addEventListener("pointerenter", () => { this.over = true; });
    canvas.stage.addEventListener("pointerleave", () => { this.over = false; });
    document.addEventListener("keydown", (event) => this.onDown(event), true);
    document.addEventListener("keyup", (event) => this.onUp(event), true);
    addEventListener("blur", () => this.release());
  }

  /** Whether keys are the canvas's now: a box that is typed in keeps them. */
  mine(event) {
    const { canvas } = this;
    if (!canvas.root.isConnected || !canvas.stage.offsetParent) return false;
    if (event.target.closest?.("textarea, select, [contenteditable], input:not([type=range], [type=checkbox], [type=radio], [type=color])")) return false;
    return canvas.expanded || this.over || canvas.root.contains(document.activeElement);
  }

  onDown(event) {
    if (!this.mine(event) || event.isComposing) return;
    const run = this.deed(event);
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  }

  deed(event) {
    const { canvas } = this;
    const key = letter(event);
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      if (key === "Z") return () => (event.shiftKey ? canvas.redo() : canvas.undo());
      if (key === "Y") return () => canvas.redo();
      return null;
    }
    if (event.altKey) return null;
    if (event.key === "Escape" && canvas.expanded) return () => canvas.expand(false);
    const is = (name, other, label) => key === wanted(name, other) && !off(label);
    if (is("shrink_brush", "Q", "Hotkey shrink brush") || event.key === "[") return () => canvas.resizeBrush(-1);
    if (is("grow_brush", "W", "Hotkey enlarge brush") || event.key === "]") return () => canvas.resizeBrush(1);
    if (is("fullscreen", "S", "Fullscreen")) return () => { if (!event.repeat) canvas.expand(); };
    if (is("reset", "R", "Reset Zoom")) return () => canvas.fit();
    if (is("move", "F", "Moving canvas") || (event.key === " " && event.target === canvas.stage)) return () => this.hold();
    if (key in TOOLS && canvas.tools.includes(TOOLS[key])) return () => canvas.chooseTool(TOOLS[key]);
    if (key === "M" && canvas.layers.length > 1) return () => canvas.chooseLayer(canvas.layer === "mask" ? "color" : "mask");
    if (event.key === "Delete" && canvas.layer) return () => canvas.painting.wipe(canvas.layer);
    if (event.key === "?") return () => canvas.bar.toggleHelp();
    return null;
  }

  hold() {
    this.canvas.pointers.holding = true;
    this.canvas.stage.classList.add("moving");
  }

  onUp(event) {
    if (letter(event) === wanted("move", "F") || event.key === " ") this.release();
  }

  release() {
    this.canvas.pointers.holding = false;
    this.canvas.stage.classList.remove("moving");
  }
}

/** The letter of a key as it is printed on it, in capitals. */
function letter({ key, code }) {
  // On keyboards of other scripts the place of the key counts.
  if (key.length === 1 && /^Key[A-Z]$/.test(code) && key.charCodeAt(0) > 127) return code.slice(3);
  return key.length === 1 ? key.toUpperCase() : key;
}
