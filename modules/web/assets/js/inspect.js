// A picture dropped on a prompt: shown on the PNG Info tab, from where its settings go back.

import { element, openTab } from "./page.js";

export async function inspectFile(file) {
  openTab("PNG Info");
  const image = await element("#pnginfo_image");
  const input = image.querySelector("input[type=file]");
  const transfer = new DataTransfer();
  transfer.items.add(file);
  if (input) {
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  } else {
    image.querySelector("button, [role=button]")?.dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer: transfer }));
  }
}
