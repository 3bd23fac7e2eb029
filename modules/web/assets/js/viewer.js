// The full-page viewer: one picture, arrows to the others, Esc closes, z zooms, s saves.

import { absolute } from "./api.js";
import { make, press } from "./page.js";

export class Viewer {
  constructor() {
    const button = (name, label, run) => make("button", { type: "button", class: `viewer-button ${name}`, title: label, "aria-label": label, onclick: run });
    this.image = make("img", { id: "modalImage", alt: "" });
    this.image.addEventListener("click", (event) => { event.stopPropagation(); this.zoom(); });
    this.count = make("span", { class: "viewer-count" });
    this.download = make("a", { class: "viewer-button download", title: "Download this file", "aria-label": "Download this file", download: "" });
    const bar = make("div", { class: "viewer-bar" }, this.count,
      button("zoom", "Actual size or fitted (Z)", () => this.zoom()),
      this.download,
      button("keep", "Save to the save folder (S)", () => press(`save_${this.gallery.tab}`)),
      button("close", "Close (Esc)", () => this.close()));
    this.root = make("div", { id: "lightboxModal", role: "dialog", "aria-modal": "true", "aria-label": "Picture viewer", tabindex: "-1" },
      bar, button("previous", "Previous picture", (event) => { event.stopPropagation(); this.move(-1); }),
      make("div", { class: "viewer-stage" }, this.image),
      button("next", "Next picture", (event) => { event.stopPropagation(); this.move(1); }));
    bar.addEventListener("click", (event) => event.stopPropagation());
    this.root.addEventListener("click", () => this.close());
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    document.body.append(this.root);
  }

  get isOpen() {
    return this.root.classList.contains("open");
  }

  open(gallery) {
    if (!gallery.selected) return;
    this.gallery = gallery;
    this.before = document.activeElement;
    this.show();
    this.root.classList.add("open");
    this.root.focus();
  }

  close() {
    this.root.classList.remove("open", "actual");
    this.before?.focus?.();
  }

  show() {
    const { selected, images, chosen } = this.gallery;
    this.root.classList.remove("actual");
    this.image.src = absolute(selected.url);
    this.download.href = this.image.src;
    if (selected.name) this.download.download = selected.name;
    this.count.textContent = images.length > 1 ? `${this.gallery.order.indexOf(chosen) + 1} / ${images.length}` : `${selected.width ?? ""}${selected.height ? ` × ${selected.height}` : ""}`;
    this.root.classList.toggle("several", images.length > 1);
  }

  move(by) {
    this.gallery.move(by);
    this.show();
  }

  zoom() {
    this.root.classList.toggle("actual");
  }

  onKey(event) {
    const acts = {
      Escape: () => this.close(),
      ArrowLeft: () => this.move(-1),
      ArrowRight: () => this.move(1),
      z: () => this.zoom(),
      s: () => press(`save_${this.gallery.tab}`),
    };
    if (event.key === "Tab") return this.keepFocus(event);
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  }

  /** Tab goes round inside the viewer. */
  keepFocus(event) {
    const stops = [...this.root.querySelectorAll("button, a[href]")].filter((stop) => stop.offsetParent);
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (document.activeElement !== edge && document.activeElement !== this.root) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  }
}
