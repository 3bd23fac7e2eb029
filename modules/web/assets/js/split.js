// The divider between two columns: drag it, move it with the arrow keys, double click to reset.

import { make, memory } from "./page.js";

const LEAST = 320;
const KEYS = 24;

export function setUpSplit(id) {
  const row = document.getElementById(id);
  if (!row || row.children.length !== 2) return;
  const [left, right] = row.children;
  const key = `atelier_split_${id}`;
  const divider = make("div", { class: "divider", role: "separator", tabindex: "0", "aria-orientation": "vertical", "aria-label": "Width of the columns" });
  left.after(divider);

  const set = (width) => {
    const most = row.clientWidth - LEAST - divider.offsetWidth;
    const kept = Math.round(Math.min(Math.max(width, LEAST), Math.max(most, LEAST)));
    row.style.setProperty("--left", `${kept}px`);
    divider.setAttribute("aria-valuenow", String(kept));
    return kept;
  };
  const stored = Number(memory.get(key));
  if (stored) set(stored);

  divider.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    divider.setPointerCapture(event.pointerId);
    const from = event.clientX - left.offsetWidth;
    const move = (moved) => memory.set(key, set(moved.clientX - from));
    divider.addEventListener("pointermove", move);
    divider.addEventListener("lostpointercapture", () => divider.removeEventListener("pointermove", move), { once: true });
  });
  divider.addEventListener("dblclick", () => {
    row.style.removeProperty("--left");
    memory.remove(key);
  });
  divider.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -KEYS, ArrowRight: KEYS }[event.key];
    if (!by) return;
    event.preventDefault();
    memory.set(key, set(left.offsetWidth + by));
  });
  return right;
}
