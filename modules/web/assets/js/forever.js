// The menu of the Generate button: generate again and again until it is cancelled.

import { byId, make, press } from "./page.js";
import { askToNotify } from "./notify.js";

const PERIOD = 500;

export function setUpForever(tab, generator) {
  const box = byId(`${tab}_generate_box`);
  let timer = null;
  let refusals = 0;
  const stop = () => { clearInterval(timer); timer = null; delete box.dataset.forever; };
  const start = () => {
    refusals = generator.refusals;
    box.dataset.forever = "on";
    const next = () => {
      if (generator.refusals > refusals) return stop();
      if (!generator.running && box.offsetParent) press(`${tab}_generate`);
    };
    next();
    timer = setInterval(next, PERIOD);
  };
  box.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    openMenu(event.clientX, event.clientY, [
      timer === null ? ["Generate forever", start] : ["Cancel generate forever", stop],
      ...(globalThis.Notification?.permission === "default" ? [["Tell me when pictures are ready", askToNotify]] : []),
    ]);
  });
}

/** A menu at a place of the window; `items` are [text, function]. */
function openMenu(x, y, items) {
  document.querySelector(".context-menu")?.remove();
  const close = () => { menu.remove(); removeEventListener("pointerdown", outside, true); removeEventListener("keydown", onKey, true); };
  const outside = (event) => { if (!menu.contains(event.target)) close(); };
  const onKey = (event) => {
    if (event.key === "Escape") { event.stopPropagation(); close(); }
  };
  const menu = make("div", { class: "context-menu", role: "menu" },
    ...items.map(([text, act]) => make("button", { type: "button", role: "menuitem", onclick: () => { close(); act(); } }, text)));
  document.body.append(menu);
  menu.style.left = `${Math.min(x, innerWidth - menu.offsetWidth - 8)}px`;
  menu.style.top = `${Math.min(y, innerHeight - menu.offsetHeight - 8)}px`;
  addEventListener("pointerdown", outside, true);
  addEventListener("keydown", onKey, true);
  menu.firstElementChild.focus();
}
