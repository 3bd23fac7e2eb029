// Cards of networks and checkpoints: the strip of pages beside "Generation", and each page's list.
//
// A list may have tens of thousands of cards. Only those in view exist, and the server is asked for
// them a block at a time.

import * as api from "./api.js";
import { CardEditor, showMetadata } from "./cards-edit.js";
import { toggled } from "./cards-prompt.js";
import { byId, make, memory, press, settings, type } from "./page.js";
import { failed, toast } from "./toast.js";

export const PAGES = [
  ["textual_inversion", "Textual Inversion"], ["hypernetworks", "Hypernetworks"], ["checkpoints", "Checkpoints"], ["lora", "Lora"],
];
const BLOCK = 100;
const GAP = 8;
const TYPING = 200;
const SORTS = [["path", "Path"], ["name", "Name"], ["created", "Date created"], ["modified", "Date modified"]];

export function setUpCards(tab, gallery) {
  const strip = byId(`${tab}_extra_tabs`)?.querySelector(".extra-tabs");
  if (!strip) return;
  const body = byId(`${tab}_body`);
  const boxes = [`${tab}_prompt`, `${tab}_neg_prompt`].map((id) => byId(id).querySelector("textarea"));
  const focus = { last: boxes[0] };
  for (const box of boxes) box.addEventListener("focus", () => { focus.last = box; });
  const pages = new Map();
  const buttons = new Map();
  const list = make("div", { class: "extra-strip", role: "tablist", "aria-label": "Generation and networks" });
  const panels = make("div", { class: "extra-panels" });
  const open = (name) => {
    for (const [other, button] of buttons) {
      button.setAttribute("aria-selected", String(other === name));
      button.tabIndex = other === name ? 0 : -1;
    }
    body.classList.toggle("gone", name !== "");
    for (const [other, page] of pages) page.panel.hidden = other !== name;
    if (name && !pages.has(name)) {
      pages.set(name, new CardPage(tab, name, boxes, focus, gallery));
      panels.append(pages.get(name).panel);
    }
    pages.get(name)?.shown();
  };
  for (const [name, title] of [["", "Generation"], ...PAGES]) {
    const button = make("button", { type: "button", role: "tab", onclick: () => open(name) }, title);
    if (name) button.id = `${tab}_${name}`;
    buttons.set(name, button);
    list.append(button);
  }
  list.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const all = [...buttons.values()];
    const next = all[(all.indexOf(document.activeElement) + by + all.length) % all.length];
    next.focus();
    next.click();
    event.preventDefault();
  });
  strip.replaceChildren(list, panels);
  open("");
}

class CardPage {
  constructor(tab, name, boxes, focus, gallery) {
    Object.assign(this, { tab, name, boxes, focus, gallery });
    const id = (part) => `${tab}_${name}_${part}`;
    this.blocks = new Map();
    this.total = 0;
    this.folder = "";
    this.asked = 0;
    this.sort = { Path: "path", Name: "name", "Date Created": "created", "Date Modified": "modified" }[settings.extra_networks_card_order_field] ?? "path";
    this.descending = settings.extra_networks_card_order === "Descending";
    this.search = make("input", { type: "search", id: id("extra_search"), placeholder: "Search", "aria-label": "Search cards", autocomplete: "off" });
    let timer = null;
    this.search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => this.load(), TYPING); });
    const order = make("select", { id: id("extra_sort"), "aria-label": "Order", onchange: (event) => { this.sort = event.target.value; this.load(); } },
      ...SORTS.map(([value, text]) => make("option", value === this.sort ? { value, selected: "" } : { value }, text)));
    this.direction = make("button", { type: "button", id: id("extra_sort_dir"), class: "plain", onclick: () => { this.descending = !this.descending; this.load(); } });
    const tree = make("button", { type: "button", id: id("extra_tree_view"), class: "plain", onclick: () => this.showTree(this.tree.hidden) }, "Folders");
    const refresh = make("button", { type: "button", id: id("extra_refresh"), class: "plain", onclick: () => this.refresh() }, "Refresh");
    this.count = make("span", { class: "cards-count", role: "status" });
    this.tree = make("nav", { class: "cards-tree", "aria-label": "Folders" });
    this.space = make("div", { class: "cards-space", id: id("cards"), role: "list" });
    this.scroller = make("div", { class: "cards-scroll", id: id("cards_html"), tabindex: "-1" }, this.space);
    this.panel = make("div", { class: "cards-panel", role: "tabpanel" },
      make("div", { class: "cards-controls", id: id("controls") }, this.search, order, this.direction, tree, refresh, this.count),
      make("div", { class: "cards-body" }, this.tree, this.scroller));
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.scroller);
    const told = memory.get("atelier_cards_tree");
    this.showTree(told === null ? settings.extra_networks_tree_view_default_enabled !== false : told === "1");
  }

  /** The page is in view; the first time it is filled. */
  shown() {
    if (!this.asked) this.load();
    else this.draw();
  }

  showTree(shown) {
    this.tree.hidden = !shown;
    memory.set("atelier_cards_tree", shown ? "1" : "0");
  }

  async refresh() {
    try { await api.refreshCards(this.name); } catch (error) { return failed(error.message); }
    await this.load();
  }

  async load() {
    this.direction.textContent = this.descending ? "↓" : "↑";
    this.direction.setAttribute("aria-label", this.descending ? "Descending; sort ascending" : "Ascending; sort descending");
    const asked = ++this.asked;
    this.waiting = new Set();
    let found;
    try { found = await this.ask(0); } catch (error) { return failed(error.message); }
    if (asked !== this.asked) return;
    this.blocks = new Map([[0, found.cards]]);
    this.total = found.total;
    this.count.textContent = found.total === 1 ? "1 card" : `${found.total.toLocaleString()} cards`;
    this.drawTree(found.folders);
    this.space.replaceChildren();
    this.drawn = new Map();
    this.scroller.scrollTop = 0;
    this.draw();
  }

  ask(block) {
    return api.cards({ page: this.name, search: this.search.value, folder: this.folder, sort: this.sort, descending: this.descending, offset: block * BLOCK, limit: BLOCK });
  }

  async fetchBlock(block) {
    if (this.blocks.has(block) || this.waiting.has(block)) return;
    this.waiting.add(block);
    const asked = this.asked;
    try {
      const found = await this.ask(block);
      if (asked !== this.asked) return;
      this.blocks.set(block, found.cards);
      this.draw();
    } catch (error) {
      failed(error.message);
    } finally {
      this.waiting.delete(block);
    }
  }

  drawTree(folders) {
    this.tree.replaceChildren(...Object.entries(folders).map(([folder, count]) => {
      const depth = folder ? folder.split("/").length : 0;
      const button = make("button", { type: "button", title: folder, style: `padding-left: ${8 + 12 * depth}px`, "aria-current": String(folder === this.folder),
        onclick: () => { this.folder = folder; this.load(); } }, folder.split("/").at(-1) || "All", make("span", {}, String(count)));
      return button;
    }));
  }

  /** Have exactly the cards in view, and those of a row above and below. */
  draw() {
    if (!this.drawn || !this.scroller.clientWidth) return;
    const wide = settings.extra_networks_card_width || 148;
    const high = settings.extra_networks_card_height || 208;
    const columns = Math.max(1, Math.floor((this.scroller.clientWidth + GAP) / (wide + GAP)));
    const rows = Math.ceil(this.total / columns);
    this.space.style.height = `${Math.max(rows * (high + GAP) - GAP, 0)}px`;
    this.space.dataset.empty = this.total ? "" : "There is nothing here that fits.";
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / (high + GAP)) - 1);
    const last = Math.min(rows, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / (high + GAP)) + 1);
    const from = first * columns;
    const to = Math.min(last * columns, this.total);
    for (const [index, element] of this.drawn) {
      if (index < from || index >= to) { element.remove(); this.drawn.delete(index); }
    }
    for (let index = from; index < to; index++) {
      const card = this.blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK];
      if (!card) { this.fetchBlock(Math.floor(index / BLOCK)); continue; }
      let element = this.drawn.get(index);
      if (!element) {
        element = this.element(card);
        this.drawn.set(index, element);
        this.space.append(element);
      }
      element.style.cssText = `width: ${wide}px; height: ${high}px; left: ${(index % columns) * (wide + GAP)}px; top: ${Math.floor(index / columns) * (high + GAP)}px; font-size: ${settings.extra_networks_card_text_scale ?? 1}em`;
    }
  }

  element(card) {
    const act = (label, kind, run) => make("button", { type: "button", class: kind, title: label, "aria-label": `${label}: ${card.name}`,
      onclick: (event) => { event.stopPropagation(); run(); } });
    const buttons = make("div", { class: "card-buttons" },
      act("Copy the path", "copy-path", () => this.copyPath(card)),
      ...(card.told ? [act("What the file says", "says", () => this.metadata(card))] : []),
      act("Edit", "edit", () => this.edit(card)));
    const picture = card.preview === null
      ? make("span", { class: "card-none", "aria-hidden": "true" }, card.name.slice(0, 2))
      : make("img", { src: api.cardThumb(this.name, card), alt: "", loading: "lazy", decoding: "async", draggable: "false" });
    const said = settings.extra_networks_card_show_desc !== false && card.description ? [make("span", { class: "card-said" }, card.description)] : [];
    const made = make("div", { class: "card", role: "listitem", tabindex: "0", title: card.folder ? `${card.folder}/${card.name}` : card.name, "data-name": card.name },
      picture, buttons, make("div", { class: "card-text" }, make("b", {}, card.name), ...said));
    made.addEventListener("click", () => this.use(card));
    made.addEventListener("keydown", (event) => {
      if (event.target === made && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); this.use(card); }
    });
    return made;
  }

  use(card) {
    if (this.name === "checkpoints") {
      byId("choose_checkpoint").dataset.key = card.key;
      press("choose_checkpoint");
      return;
    }
    const separator = settings.extra_networks_add_text_separator ?? " ";
    // A word may stand in either prompt, tags count in the first only.
    const box = this.name === "textual_inversion" ? this.focus.last : this.boxes[0];
    const { text, removed } = toggled(box.value, card.prompt, separator);
    type(box, text);
    if (card.negative) {
      const negative = toggled(this.boxes[1].value, card.negative, separator);
      if (negative.removed === removed) type(this.boxes[1], negative.text);
    }
    toast(`${card.name} was ${removed ? "taken out of" : "put into"} the ${box === this.boxes[1] ? "negative prompt" : "prompt"}.`);
  }

  async copyPath(card) {
    try {
      const { path } = await api.cardDetails(this.name, card.key);
      await navigator.clipboard.writeText(path);
      toast("The path was copied.");
    } catch (error) { failed(error.message); }
  }

  async metadata(card) {
    try { showMetadata(card.name, (await api.cardDetails(this.name, card.key)).metadata); } catch (error) { failed(error.message); }
  }

  async edit(card) {
    let details;
    try { details = await api.cardDetails(this.name, card.key); } catch (error) { return failed(error.message); }
    new CardEditor(this, details, (changed) => this.changed(changed)).open();
  }

  /** A card was noted or pictured anew. */
  changed(card) {
    for (const cards of this.blocks.values()) {
      const at = cards.findIndex((one) => one.key === card.key);
      if (at >= 0) cards[at] = card;
    }
    this.space.replaceChildren();
    this.drawn = new Map();
    this.draw();
  }
}
