// Numbers typed beside a slider: Gradio quietly moves those out of range to the nearest end when the box
// is left; this hears of it first and says so.

import { toast } from "./toast.js";

export function setUpBounds() {
  document.addEventListener("blur", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.type !== "number" || !box.closest(".head") || box.value === "") return;
    const [least, most, typed] = [Number(box.min), Number(box.max), Number(box.value)];
    if (box.min === "" || (typed >= least && typed <= most)) return;
    const label = box.closest(".block").querySelector("label")?.textContent.trim() ?? "The value";
    toast(`${label} cannot be ${typed}: it goes from ${least} to ${most}.`, { kind: "error" });
  }, true);
}
