// A picture dropped on a prompt: read by the PNG Info tab, its settings go straight into the controls.
// One that has none stays on that tab, which says so.

import { byId, element, openTab, press } from "./page.js";

const PATIENCE = 30000;
const SETTLE = 1000;
const STEP = 50;

export async function inspectFile(file) {
  openTab("PNG Info");
  const input = await element("#pnginfo_image input[type=file]");
  await element("#pnginfo_html_info :is(p, section)");
  const shown = () => byId("pnginfo_html_info").innerText;
  const infotext = () => byId("pnginfo_generation_info")?.querySelector("textarea, input")?.value;
  const before = shown();
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  await until(() => shown() !== before, PATIENCE);
  // What is shown and what is sent arrive one after the other.
  if (await until(infotext, SETTLE)) press("txt2img_tab");
}

/** Whether something came true within so many milliseconds. */
async function until(comes, patience) {
  for (let waited = 0; waited < patience; waited += STEP) {
    if (comes()) return true;
    await new Promise((resolve) => setTimeout(resolve, STEP));
  }
  return false;
}
