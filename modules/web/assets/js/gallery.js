// The pictures of one job: the stage with the chosen one, the strip below, infotext and log.
//
// Pictures are shown by address as soon as each exists. The frame never changes its size, so that
// nothing moves while a picture forms.

import { byId, make } from "./page.js";
import { absolute } from "./api.js";

export class Gallery extends EventTarget {
  constructor(tab) {
    super();
    this.tab = tab;
    this.job = null;
    this.images = [];
    this.chosen = 0;
    this.chosenByHand = false;
    this.replaced = null;
    this.kept = null;
    this.root = byId(`${tab}_gallery`).querySelector(".gallery");
    const find = (selector) => this.root.querySelector(selector);
    this.stage = find(".gallery-stage");
    this.button = find(".stage-picture");
    this.picture = this.button.querySelector("img");
    this.live = find(".live-preview");
    this.hint = find(".gallery-empty");
    this.strip = find(".gallery-strip");
    this.arrows = [find(".stage-arrow.previous"), find(".stage-arrow.next")];
    this.arrows[0].addEventListener("click", () => this.move(-1));
    this.arrows[1].addEventListener("click", () => this.move(1));
    this.button.addEventListener("click", () => this.dispatchEvent(new Event("open")));
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.strip.addEventListener("click", (event) => {
      const thumb = event.target.closest("[data-number]");
      if (thumb) this.choose(Number(thumb.dataset.number), true);
    });
  }

  /** The picture the buttons below act on, or null. */
  get selected() {
    return this.images[this.chosen] ?? null;
  }

  /** "<job id>/<number>" of the selected picture, "" without one. */
  get selectedName() {
    return this.selected?.name ?? "";
  }

  /** The next job makes another picture in place of the selected one; the others stay. Null forgets that. */
  replaceNext(wanted = true) {
    this.replaced = wanted && this.selected ? { images: this.images, at: this.chosen } : null;
  }

  /** A job starts: room for its pictures, the last job's stay in view until the first one shows. */
  expect(job, count) {
    if (job === this.job) return;
    this.job = job;
    this.root.dataset.job = job;
    this.kept = this.replaced;
    this.replaced = null;
    if (this.kept) return this.log([]);
    this.images = [];
    this.chosen = 0;
    this.chosenByHand = false;
    this.arrows.forEach((arrow) => { arrow.hidden = true; });
    this.room(count);
    this.log([]);
  }

  /** How many pictures will come; their places are shown from the beginning. */
  room(count) {
    this.strip.hidden = count < 2;
    while (this.strip.children.length > count) this.strip.lastElementChild.remove();
    for (let n = 0; n < count; n++) {
      const thumb = this.strip.children[n] ?? this.strip.appendChild(make("button", { type: "button", role: "option", class: "thumb", disabled: "" }));
      thumb.setAttribute("aria-label", `Picture ${n + 1}`);
      if (this.images[n] === undefined) {
        thumb.replaceChildren();
        thumb.disabled = true;
        thumb.classList.remove("grid");
        delete thumb.dataset.number;
        thumb.removeAttribute("aria-selected");
      }
    }
  }

  /** The job's pictures so far. */
  show(job, images, count) {
    if (job !== this.job) this.expect(job, count);
    const known = this.images;
    this.images = images.map((image, n) => ({ ...image, name: `${job}/${n}` }));
    if (this.kept) {
      const made = this.images[0] ?? this.kept.images[this.kept.at];
      this.images = this.kept.images.map((image, n) => n === this.kept.at ? made : image);
    }
    this.room(Math.max(this.kept ? 0 : count, this.images.length));
    const fresh = this.images.filter((image, n) => image.name !== known[n]?.name);
    for (const image of fresh) {
      const n = this.images.indexOf(image);
      const thumb = this.strip.children[n];
      if (!thumb) continue;
      thumb.dataset.number = n;
      thumb.disabled = false;
      thumb.classList.toggle("grid", Boolean(image.grid));
      thumb.replaceChildren(make("img", { src: absolute(image.url), alt: "", loading: "lazy", decoding: "async" }));
    }
    if (fresh.length && this.kept) this.choose(this.kept.at, true);
    else if (fresh.length) this.choose(this.chosenByHand ? this.chosen : this.images.length - 1, false);
  }

  /** All pictures are there: the grid if there is one, else the first, unless the user chose another. */
  finish() {
    this.preview(null);
    this.room(this.images.length);
    const grid = this.images.findIndex((image) => image.grid);
    if (this.images.length && !this.chosenByHand && !this.kept) this.choose(Math.max(grid, 0), false);
  }

  choose(number, byHand) {
    const image = this.images[number];
    if (!image) return;
    this.chosen = number;
    this.chosenByHand ||= byHand;
    this.root.dataset.state = "filled";
    this.hint.hidden = true;
    this.button.hidden = false;
    this.picture.src = absolute(image.url);
    this.picture.alt = image.infotext ? image.infotext.split("\n")[0] : `Picture ${number + 1}`;
    this.arrows.forEach((arrow) => { arrow.hidden = this.images.length < 2; });
    for (const thumb of this.strip.children) {
      thumb.setAttribute("aria-selected", String(Number(thumb.dataset.number) === number));
    }
    const thumb = this.strip.children[number];
    if (thumb && byHand) thumb.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (byHand) this.live.hidden = true;
    this.describe(image.infotext ?? "");
    this.dispatchEvent(new Event("chosen"));
  }

  /** The numbers of the pictures as they are shown: the grid, which is made last, comes first. */
  get order() {
    const numbers = this.images.map((_, number) => number);
    return [...numbers.filter((n) => this.images[n].grid), ...numbers.filter((n) => !this.images[n].grid)];
  }

  move(by) {
    if (!this.images.length) return;
    const order = this.order;
    this.choose(order[(order.indexOf(this.chosen) + by + order.length) % order.length], true);
  }

  /** Lay the forming picture over the stage; null takes it away. */
  async preview(source) {
    if (!source) {
      this.live.hidden = true;
      this.live.removeAttribute("src");
      return;
    }
    const next = new Image();
    next.src = source;
    try { await next.decode(); } catch { return; }
    this.hint.hidden = true;
    this.live.src = source;
    this.live.hidden = false;
  }

  describe(infotext) {
    const box = byId(`html_info_${this.tab}`);
    if (!box) return;
    const lines = infotext ? infotext.split("\n") : [];
    const parameters = lines.length && /^\w[\w \-/]+: .*, /.test(lines.at(-1)) ? lines.pop() : "";
    const negative = lines.findIndex((line) => line.startsWith("Negative prompt:"));
    const prompt = (negative < 0 ? lines : lines.slice(0, negative)).join("\n");
    const parts = [];
    if (infotext) {
      const copy = make("button", { type: "button", class: "copy", title: "Copy the generation parameters", "aria-label": "Copy the generation parameters" });
      copy.addEventListener("click", async () => {
        await navigator.clipboard?.writeText(infotext);
        copy.classList.add("done");
        setTimeout(() => copy.classList.remove("done"), 1200);
      });
      parts.push(copy);
    }
    if (prompt) parts.push(make("p", { class: "info-prompt" }, prompt));
    if (negative >= 0) parts.push(make("p", { class: "info-negative" }, lines.slice(negative).join("\n")));
    if (parameters) parts.push(make("p", { class: "info-parameters" }, parameters));
    inside(box).replaceChildren(...parts);
  }

  /** Lines under the infotext: comments, times, what was saved. Each is text or [text, class]. */
  log(lines) {
    const box = byId(`html_log_${this.tab}`);
    if (!box) return;
    inside(box).replaceChildren(...lines.map((line) => {
      const [text, kind] = Array.isArray(line) ? line : [line, ""];
      return text instanceof Node ? text : make("p", { class: kind }, text);
    }));
  }

  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "ArrowLeft") this.move(-1);
    else if (event.key === "ArrowRight") this.move(1);
    else return;
    event.preventDefault();
  }
}

/** Our own node inside one of Gradio's HTML boxes: Gradio keeps track of the ones it made. */
function inside(box) {
  return box.querySelector(":scope .ours") ?? box.appendChild(make("div", { class: "ours" }));
}
