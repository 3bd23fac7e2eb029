// Pictures from outside: dropped on an element, dragged there from the page, or pasted.

import { failed } from "./toast.js";

/** Give `take` every picture that is dropped on an element. */
export function acceptFiles(element, take) {
  let depth = 0;
  const mark = (on) => {
    depth = on ? depth + 1 : Math.max(0, depth - 1);
    element.classList.toggle("dropping", depth > 0);
  };
  element.addEventListener("dragenter", (event) => { event.preventDefault(); mark(true); });
  element.addEventListener("dragleave", () => mark(false));
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    depth = 0;
    element.classList.remove("dropping");
    const file = await dropped(event.dataTransfer);
    if (file) take(file);
    else failed("That was no file; drop a picture.");
  });
}

/** The first file of a drop, or the picture of this page that was dragged. */
async function dropped(data) {
  if (data.files.length) return data.files[0];
  const address = data.getData("text/uri-list") || data.getData("text/plain");
  try {
    const found = new URL(address);
    if (found.origin !== location.origin && found.protocol !== "data:" && found.protocol !== "blob:") return null;
    const reply = await fetch(found);
    return reply.ok ? await reply.blob() : null;
  } catch {
    return null;
  }
}

/** A pasted picture, null if something else is in the clipboard. */
export function pastedPicture(event) {
  const items = [...(event.clipboardData?.items ?? [])];
  return items.find((item) => item.kind === "file" && item.type.startsWith("image/"))?.getAsFile() ?? null;
}
