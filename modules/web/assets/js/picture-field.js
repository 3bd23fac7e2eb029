// A picture that is only chosen, dropped or pasted, not painted on: shown small, kept by the server.

import * as api from "./api.js";
import { acceptFiles } from "./canvas-files.js";
import { make } from "./page.js";
import { failed } from "./toast.js";

export class PictureField {
  constructor(title, changed) {
    this.kept = null;
    this.changed = changed;
    this.image = make("img", { alt: "", hidden: "" });
    this.button = make("button", { type: "button", class: "picture-choose", onclick: () => this.choose() }, make("span", {}, `${title}: drop it here, or press to choose a file`));
    this.remove = make("button", { type: "button", class: "canvas-button remove", title: `Take it away`, "aria-label": `Take away: ${title}`, hidden: "", onclick: () => this.clear() });
    this.root = make("div", { class: "picture-field" }, this.image, this.button, this.remove);
    acceptFiles(this.root, (file) => this.load(file));
  }

  choose() {
    const input = make("input", { type: "file", accept: "image/*,.tif,.tiff" });
    input.addEventListener("change", () => { if (input.files[0]) this.load(input.files[0]); });
    input.click();
  }

  async load(file) {
    try {
      this.kept = await api.keepLayer(file);
      this.image.src = api.layerUrl(this.kept.id);
      this.show();
    } catch (error) {
      failed(error.message);
    }
  }

  clear() {
    this.kept = null;
    this.image.removeAttribute("src");
    this.show();
  }

  show() {
    this.image.hidden = this.remove.hidden = !this.kept;
    this.root.classList.toggle("filled", Boolean(this.kept));
    this.changed();
  }
}
