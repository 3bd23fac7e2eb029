// The img2img and inpaint tabs: one canvas for the modes of a tab, a painting for each mode. What is
// painted is kept by the server; its ids are remembered here, so that a reload finds it again.

import * as api from "./api.js";
import { Canvas } from "./canvas.js";
import { Painting } from "./canvas-painting.js";
import { pastedPicture } from "./canvas-files.js";
import { name } from "./labels.js";
import { byId, element, memory, opened, settings, type } from "./page.js";
import { PictureField } from "./picture-field.js";
import { failed, toast } from "./toast.js";

const PLACES = { img2img: "img2img_image", sketch: "img2img_sketch", inpaint: "img2maskimg", inpaint_sketch: "inpaint_sketch" };
const UPLOADS = { base: "img_inpaint_base", mask: "img_inpaint_mask" };
const SAVED_AFTER = 900;

/** A1111's element id in the img2img tab; elsewhere with the tab's name before it. */
export const idOf = (tab, id) => (tab === "img2img" ? id : `${tab}_${id}`);

const LABELS = (tab) => ({
  [`${tab}_detect_image_size_btn`]: "Take width and height from the picture",
  [idOf(tab, "interrogate")]: "Describe the picture in words and put them into the prompt (CLIP)",
  [idOf(tab, "deepbooru")]: "Put tags of the picture into the prompt (DeepBooru)",
});

export class Img2Img {
  static async at(tab) {
    await Promise.all([element(`#${tab}_settings`), element(`#${idOf(tab, "mode_img2img")}`), element(`#${tab}_canvas`), opened]);
    return new Img2Img(tab);
  }

  constructor(tab) {
    this.tab = tab;
    this.mode = tab;
    this.canvas = new Canvas(tab);
    this.paintings = Object.fromEntries(Object.keys(PLACES).map((mode) => [mode, this.painting(mode)]));
    this.uploads = {};
    this.saving = {};
    const height = Number(settings.img2img_editor_height) || 720;
    this.canvas.root.style.setProperty("--canvas-height", `min(${height}px, 58dvh)`);
    this.canvas.setBrush({ color: settings.img2img_sketch_default_brush_color || "#ffffff" });
    this.canvas.addEventListener("change", () => this.describe());
    this.canvas.addEventListener("frame", () => this.sizeFromFrame());
    name(LABELS(tab));
    byId(idOf(tab, "interrogate"))?.addEventListener("click", (event) => this.interrogate("clip", event.currentTarget));
    byId(idOf(tab, "deepbooru"))?.addEventListener("click", (event) => this.interrogate("deepdanbooru", event.currentTarget));
    document.addEventListener("paste", (event) => this.onPaste(event));
    byId(`${tab}_settings`).addEventListener("input", (event) => this.onInput(event));
    // Sliders that move by a handler send no event, and Gradio makes a tab's contents when it is opened.
    new MutationObserver(() => this.describe()).observe(byId(`${tab}_column_size`), { subtree: true, childList: true, attributes: true, attributeFilter: ["value"] });
    addEventListener("visibilitychange", () => { if (document.hidden) this.saveAll(); });
    document.addEventListener("checkpoint", () => this.suit());
    this.suit();
    this.restored = this.restore();
    this.open(this.mode);
  }

  // ---- modes

  painting(mode) {
    const painting = new Painting();
    painting.addEventListener("change", () => this.later(mode));
    return painting;
  }

  get present() {
    return this.paintings[this.mode] ?? null;
  }

  /** A mode's tab was opened: its place is made by Gradio when that happens first. */
  async open(mode) {
    this.mode = mode;
    byId(`${this.tab}_settings`).dataset.mode = mode;
    if (mode === "inpaint_upload") return this.openUploads();
    if (!PLACES[mode]) return;
    const place = await element(`#${idOf(this.tab, PLACES[mode])} .canvas-place`);
    await this.restored;
    if (this.mode !== mode) return;
    if (this.canvas.root.parentNode !== place) place.replaceChildren(this.canvas.root);
    this.canvas.show(mode, this.paintings[mode]);
    if (mode.endsWith("sketch")) {
      const key = mode === "sketch" ? "img2img_sketch_default_brush_color" : "img2img_inpaint_sketch_default_brush_color";
      if (!this.colored) this.canvas.setBrush({ color: settings[key] || "#ffffff" });
      this.colored = true;
    }
  }

  /** Press a mode's tab and wait until it is open. */
  async choose(mode) {
    const id = mode === "sketch" ? `${this.tab}_img2img_sketch_tab` : `${this.tab}_${mode}_tab`;
    byId(`${id}-button`)?.click();
    await this.open(mode);
  }

  async openUploads() {
    for (const [part, id] of Object.entries(UPLOADS)) {
      const place = await element(`#${idOf(this.tab, id)} .canvas-place`);
      if (this.uploads[part]?.root.parentNode === place) continue;
      const field = this.uploads[part] ??= new PictureField(part === "base" ? "Picture" : "Mask: white is painted anew", () => this.describe());
      place.replaceChildren(field.root);
    }
  }

  /** Put a picture into a mode's canvas. Answers whether it worked. */
  async load(file, mode = this.mode) {
    const wanted = PLACES[mode] ? mode : "img2img";
    if (this.mode === wanted) await this.open(wanted);
    else await this.choose(wanted);
    return this.canvas.load(file);
  }

  /** Copy image to: the picture with the colours painted on it, as A1111's does. */
  async copyTo(mode) {
    const { picture } = this.present ?? {};
    if (!picture) return failed("There is no picture to copy yet.");
    const blob = picture.blob ?? await api.layer(picture.id);
    await this.choose(mode);
    await this.canvas.load(blob);
  }

  // ---- what is remembered

  get key() {
    return `atelier_canvas_${this.tab}`;
  }

  later(mode) {
    clearTimeout(this.saving[mode]);
    this.saving[mode] = setTimeout(() => this.save(mode).catch(() => { /* said when it matters: at Generate */ }), SAVED_AFTER);
  }

  async save(mode) {
    clearTimeout(this.saving[mode]);
    delete this.saving[mode];
    const kept = await this.paintings[mode].save();
    const all = remembered(this.key);
    if (kept) all[mode] = kept;
    else delete all[mode];
    memory.set(this.key, JSON.stringify(all));
    return kept;
  }

  saveAll() {
    for (const mode of Object.keys(this.saving)) this.save(mode).catch(() => {});
  }

  /** What an earlier visit painted. What the server has forgotten is forgotten. */
  async restore() {
    const all = remembered(this.key);
    await Promise.all(Object.entries(all).map(async ([mode, kept]) => {
      try {
        await this.paintings[mode]?.restore(kept);
      } catch (error) {
        if (error.status >= 400 && error.status < 500) {
          delete all[mode];
          memory.set(this.key, JSON.stringify(all));
        } else failed(`What was painted in ${mode} could not be brought back: ${error.message}`);
      }
    }));
  }

  // ---- Generate

  /** A job's values with the canvas in them: [job, override settings, canvas, ...]. */
  async withCanvas(values) {
    const scene = await this.scene();
    return [values[0], values[1], JSON.stringify(scene), ...values.slice(3)];
  }

  async scene() {
    const { mode } = this;
    try {
      if (mode === "batch") return { mode };
      if (mode === "inpaint_upload") {
        const { base, mask } = this.uploads;
        return { mode, picture: base?.kept ?? null, uploaded_mask: mask?.kept ?? null };
      }
      const kept = await this.save(mode);
      const fill = kept?.fill === "color" ? this.canvas.brush.color : kept?.fill;
      return kept ? { mode, ...kept, fill } : { mode };
    } catch (error) {
      return { mode, error: `The canvas could not be sent: ${error.message}` };
    }
  }

  // ---- sizes

  /** What the picture of the open mode measures, [width, height], or null. */
  get size() {
    if (this.mode === "inpaint_upload") {
      const { kept } = this.uploads.base ?? {};
      return kept ? [kept.width, kept.height] : null;
    }
    const { picture, frame } = this.present ?? {};
    return picture ? [frame.width, frame.height] : null;
  }

  /** Width and height for the sliders: the picture's, in steps of 8. */
  detected(now) {
    if (this.size) return this.size.map((side) => Math.min(Math.max(Math.round(side / 8) * 8, 64), 8192));
    failed("There is no picture to take the size from yet.");
    return now;
  }

  setSize([width, height]) {
    for (const [side, value] of [["width", width], ["height", height]]) {
      const box = byId(`${this.tab}_${side}`)?.querySelector("input[type=number]");
      if (!box) continue;
      type(box, String(value));
      box.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  /** The frame around the picture is what will be generated. */
  sizeFromFrame() {
    this.setSize(this.detected([]));
  }

  /** "resize: from AxB to CxD" under the scale. */
  describe() {
    const line = byId(`${this.tab}_scale_resolution_preview`);
    if (!line) return;
    const scale = Number(byId(`${this.tab}_scale`)?.querySelector("input[type=number]")?.value) || 1;
    const text = this.size ? `resize: from ${this.size.join("×")} to ${this.size.map((side) => Math.floor((side * scale) / 8) * 8).join("×")}` : "no picture yet";
    const shown = line.querySelector(".ours") ?? line.appendChild(Object.assign(document.createElement("p"), { className: "ours" }));
    if (shown.textContent !== text) shown.textContent = text;
  }

  onInput(event) {
    if (event.target.closest(`#${this.tab}_scale`)) this.describe();
    const side = event.target.closest(`#${this.tab}_width, #${this.tab}_height`);
    if (side && event.target.type === "range") this.aspect();
  }

  /** While a side is dragged the canvas shows what part of the picture it would be, for two seconds. */
  aspect() {
    const box = (side) => Number(byId(`${this.tab}_${side}`)?.querySelector("input[type=number]")?.value);
    this.canvas.showAspect(box("width"), box("height"), this.resizeMode);
  }

  get resizeMode() {
    const choices = [...(byId(idOf(this.tab, "resize_mode"))?.querySelectorAll("input[type=radio]") ?? [])];
    return choices.findIndex((choice) => choice.checked);
  }

  // ---- the rest

  /** Show the controls that only some checkpoints have. */
  async suit() {
    try {
      byId(`${this.tab}_settings`).classList.toggle("image-cfg-needed", (await api.model()).image_cfg);
    } catch { /* the studio does not answer; Generate will say so */ }
  }

  onPaste(event) {
    if (!byId(`${this.tab}_toprow`)?.offsetParent) return;
    const file = pastedPicture(event);
    if (!file) return;
    event.preventDefault();
    if (this.mode === "inpaint_upload") {
      const { base, mask } = this.uploads;
      (base.kept ? mask : base).load(file);
    } else if (PLACES[this.mode]) this.canvas.load(file);
  }

  async interrogate(model, button) {
    const kept = this.mode === "inpaint_upload" ? this.uploads.base?.kept : this.present?.picture;
    if (!kept) return failed("There is no picture to describe yet.");
    button.disabled = true;
    toast("Describing the picture…");
    try {
      const { caption } = await api.describe(kept.id, model);
      type(byId(`${this.tab}_prompt`).querySelector("textarea"), caption);
    } catch (error) {
      failed(error.message);
    } finally {
      button.disabled = false;
    }
  }
}

function remembered(key) {
  try {
    return JSON.parse(memory.get(key) ?? "{}") ?? {};
  } catch {
    return {};
  }
}
