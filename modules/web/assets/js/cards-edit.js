// The dialogs of a card: what the file says of itself, and what people note of it.

import * as api from "./api.js";
import { make } from "./page.js";
import { failed, toast } from "./toast.js";

/** Show what is written inside a file. */
export function showMetadata(name, metadata) {
  const text = Object.keys(metadata).length ? JSON.stringify(metadata, null, 2) : "The file says nothing of itself.";
  const dialog = make("dialog", { class: "editor card-metadata", "aria-label": `Metadata of ${name}` },
    make("h3", {}, name), make("pre", { tabindex: "0" }, text),
    make("div", { class: "buttons" }, make("button", { type: "button", onclick: () => dialog.close() }, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export class CardEditor {
  /** `page` is the CardPage; `done` is handed the changed card. */
  constructor(page, details, done) {
    Object.assign(this, { page, details, done });
    const noted = (key) => (details.noted[key] ?? "").toString();
    const area = (key, rows) => make("textarea", { rows: String(rows), "data-key": key, spellcheck: "false" });
    this.fields = [area("description", 2)];
    const parts = [labelled("Description", this.fields[0])];
    if (page.name === "lora") parts.push(...this.forLora(area));
    if (page.name === "checkpoints") parts.push(this.line("vae", "Preferred VAE"));
    this.fields.push(area("notes", 4));
    parts.push(labelled("Notes", this.fields.at(-1)));
    for (const field of this.fields) field.value = noted(field.dataset.key) || field.dataset.empty || "";
    this.dialog = make("dialog", { class: "editor card-editor", id: `${page.tab}_${page.name}_edit_user_metadata`, "aria-label": `Edit ${details.name}` },
      make("h3", {}, details.name), this.about(), ...parts,
      make("div", { class: "buttons" },
        make("button", { type: "button", onclick: () => this.replacePreview() }, "Replace preview"),
        make("button", { type: "button", onclick: () => this.dialog.close() }, "Cancel"),
        make("button", { type: "button", class: "primary", onclick: () => this.save() }, "Save")));
    this.dialog.addEventListener("close", () => this.dialog.remove());
    document.body.append(this.dialog);
  }

  open() {
    this.dialog.showModal();
    this.fields[0].focus();
  }

  line(key, label, attributes = {}) {
    this.fields.push(make("input", { "data-key": key, autocomplete: "off", ...attributes }));
    return labelled(label, this.fields.at(-1));
  }

  forLora(area) {
    const versions = ["Unknown", "SD1", "SD2", "SDXL"];
    const version = make("select", { "data-key": "sd version", "data-empty": this.details.made_for ?? "Unknown" }, ...versions.map((one) => make("option", { value: one }, one)));
    const activation = area("activation text", 2);
    this.fields.push(version, activation);
    const words = make("div", { class: "card-words" }, ...this.details.words.slice(0, 60).map(([word, count]) =>
      make("button", { type: "button", title: `${count} times`, onclick: () => toggleWord(activation, word) }, word)));
    return [
      labelled("Stable Diffusion version", version),
      ...(this.details.words.length ? [labelled("Trained with", words, "div")] : []),
      labelled("Activation text, put in behind the tag", activation),
      this.line("preferred weight", "Preferred weight, 0 for the usual", { type: "number", min: "0", max: "2", step: "0.01", "data-empty": "0" }),
      this.line("negative text", "Negative prompt"),
    ];
  }

  about() {
    const { path, size, modified } = this.details;
    const rows = [["File", path], ["Size", `${(size / 2 ** 20).toFixed(1)} MB`], ["Changed", new Date(modified).toLocaleString()]];
    const table = make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
    const picture = this.details.preview === null ? [] : [make("img", { src: api.cardThumb(this.page.name, this.details), alt: "" })];
    return make("div", { class: "card-about" }, table, ...picture);
  }

  async save() {
    const values = Object.fromEntries(this.fields.map((field) => [field.dataset.key, field.type === "number" ? Number(field.value) || 0 : field.value]));
    await this.change(() => api.noteCard(this.page.name, this.details.key, values), "The notes were saved.");
  }

  async replacePreview() {
    await this.change(() => api.previewCard(this.page.name, this.details.key, this.page.gallery.selectedName), "The selected picture is the card's now.");
  }

  async change(send, said) {
    try { this.done(await send()); } catch (error) { return failed(error.message); }
    this.dialog.close();
    toast(said);
  }
}

function labelled(text, control, kind = "label") {
  return make(kind, { class: "labelled" }, make("span", {}, text), control);
}

function toggleWord(area, word) {
  const words = area.value.split(",").map((one) => one.trim()).filter(Boolean);
  const at = words.indexOf(word);
  if (at >= 0) words.splice(at, 1);
  else words.push(word);
  area.value = words.join(", ");
}
