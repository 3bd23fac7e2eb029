// The styles' editor: create, change, copy the prompts into, delete. Styles are kept by the server.

import * as api from "./api.js";
import { byId, make, press } from "./page.js";
import { failed, toast } from "./toast.js";

const box = (id) => byId(id)?.querySelector("textarea");

export function setUpStyles(tab) {
  press(`refresh_${tab}_styles`);
  byId(`${tab}_styles`)?.querySelector("input")?.setAttribute("placeholder", "Styles");
  byId(`${tab}_styles_edit_button`)?.addEventListener("click", () => new Editor(tab).open());
}

class Editor {
  constructor(tab) {
    this.tab = tab;
    this.styles = [];
    byId(`${tab}_styles_dialog`)?.remove();
    const id = (name) => `${tab}_styles_edit_${name}`;
    const button = (name, text, act, look = "") => make("button", { type: "button", id: id(name), class: look, onclick: act }, text);
    this.names = make("datalist", { id: id("names") });
    this.name = make("input", { id: id("select"), list: id("names"), placeholder: "Choose a style or name a new one", autocomplete: "off", oninput: () => this.chosen() });
    this.prompt = make("textarea", { id: id("prompt"), rows: "4", spellcheck: "false" });
    this.negative = make("textarea", { id: id("neg_prompt"), rows: "3", spellcheck: "false" });
    this.save = button("save", "Save", () => this.onSave(), "primary");
    this.remove = button("delete", "Delete", () => this.onDelete(), "stop");
    this.dialog = make("dialog", { id: `${tab}_styles_dialog`, class: "editor", "aria-label": "Styles" },
      make("h3", {}, "Styles"),
      labelled("Style", this.name), this.names,
      labelled("Prompt", this.prompt), labelled("Negative prompt", this.negative),
      make("p", { class: "about" }, "{prompt} stands for your prompt; without it the style goes behind it."),
      make("div", { class: "buttons" },
        button("copy", "Copy from prompts", () => this.copy()), this.remove,
        button("close", "Close", () => this.dialog.close()), this.save));
    this.dialog.addEventListener("close", () => this.dialog.remove());
    document.body.append(this.dialog);
  }

  async open() {
    this.dialog.showModal();
    await this.load();
    this.name.focus();
  }

  async load() {
    try { this.styles = (await api.styles()).filter((style) => style.prompt !== null); } catch (error) { failed(error.message); }
    this.names.replaceChildren(...this.styles.map(({ name }) => make("option", { value: name })));
    this.buttons();
  }

  get known() {
    return this.styles.find(({ name }) => name === this.name.value.trim()) ?? null;
  }

  chosen() {
    const { known } = this;
    if (known) [this.prompt.value, this.negative.value] = [known.prompt, known.negative_prompt];
    this.buttons();
  }

  buttons() {
    this.save.disabled = !this.name.value.trim();
    this.remove.hidden = !this.known;
  }

  copy() {
    this.prompt.value = box(`${this.tab}_prompt`).value;
    this.negative.value = box(`${this.tab}_neg_prompt`).value;
  }

  async onSave() {
    const style = { name: this.name.value.trim(), prompt: this.prompt.value, negative_prompt: this.negative.value };
    if (await this.did(() => api.saveStyle(style))) toast(`The style “${style.name}” is saved.`);
  }

  async onDelete() {
    const { known } = this;
    if (!known || !(await this.did(() => api.deleteStyle(known.name)))) return;
    this.name.value = "";
    this.buttons();
    toast(`The style “${known.name}” is deleted.`, { action: ["Undo", () => this.did(() => api.saveStyle(known))] });
  }

  async did(act) {
    try { await act(); } catch (error) { failed(error.message); return false; }
    await this.load();
    for (const tab of document.querySelectorAll("[id^=refresh_][id$=_styles]")) press(tab.id);
    return true;
  }
}

const labelled = (text, control) => make("label", {}, make("span", {}, text), control);

