// Width and height: "768x1024" pasted into either sets both.

import { byId, type } from "./page.js";

export function setUpSize(tab) {
  const boxes = ["width", "height"].map((side) => byId(`${tab}_${side}`)?.querySelector("input[type=number]"));
  for (const box of boxes) {
    box?.addEventListener("paste", (event) => {
      const found = event.clipboardData?.getData("text").match(/^\s*(\d+)\s*[x×]\s*(\d+)\s*$/);
      if (!found) return;
      event.preventDefault();
      boxes.forEach((target, n) => {
        type(target, found[n + 1]);
        target.dispatchEvent(new Event("change", { bubbles: true }));
      });
    });
  }
}
