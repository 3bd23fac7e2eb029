// A picture dropped on a prompt: read by the PNG Info tab, its settings go straight into the controls.
// One that has none stays on that tab, which says so.

import { byId, element, openTab, press } from "./page.js";

const PATIENCE = 8000;
const STEP = 100;

export async function inspectFile(file) {
  openTab("PNG Info");
  const input = await element("#pnginfo_image input[type=file]");
  const shown = await element("#pnginfo_html_info :is(p, section)").then(() => byId("pnginfo_html_info"));
  const before = shown.innerText;
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  for (let waited = 0; waited < PATIENCE && shown.innerText === before; waited += STEP) {
    await new Promise((resolve) => setTimeout(resolve, STEP));
  }
  if (byId("pnginfo_generation_info")?.querySelector("textarea, input")?.value) press("txt2img_tab");
}
