// Send to: a picture of a gallery or of PNG Info into a canvas, or into the Extras tab.

import { absolute } from "./api.js";
import { byId, element, openTab, settings } from "./page.js";
import { failed } from "./toast.js";

/** `tabs` by name, `painted` resolves with an img2img tab by its name once it is there. */
export async function sendImage(source, target, tabs, painted) {
  const picture = source === "pnginfo" ? inspected() : tabs[source]?.gallery.selected;
  const address = source === "pnginfo" ? picture : picture && absolute(picture.url);
  if (!address) return failed(source === "pnginfo" ? "There is no picture to send yet; drop one first." : "There is no picture to send yet: generate one, or choose one of those shown.");
  let file;
  try {
    const reply = await fetch(address);
    if (!reply.ok) throw new Error(`${reply.status} ${reply.statusText}`);
    const blob = await reply.blob();
    file = new File([blob], picture.name ?? "picture.png", { type: blob.type });
  } catch (error) {
    return failed(`The picture could not be read: ${error.message}`);
  }
  if (target === "extras") return toExtras(file);
  openTab(target);
  const tab = await painted(target);
  if (await tab.load(file, target) && target === "img2img" && settings.send_size !== false) tab.setSize(tab.detected([]));
}

/** The address of PNG Info's picture. */
const inspected = () => byId("pnginfo_image")?.querySelector("img")?.src || null;

async function toExtras(file) {
  if (!byId("tab_extras-button") && !byId("tab_extras")) return failed("There is no Extras tab to send it to.");
  openTab("Extras");
  const input = await element("#extras_image input[type=file]");
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}
