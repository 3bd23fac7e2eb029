// The prompt boxes: token counts, clearing with a way back, infotext out of dropped files.

import { byId, press, settings, type } from "./page.js";
import { failed, toast } from "./toast.js";

const DELAY = 400;

const box = (id) => byId(id)?.querySelector("textarea");

export function setUpPrompt(tab) {
  const pairs = [[`${tab}_prompt`, "token"], [`${tab}_neg_prompt`, "negative_token"]];
  for (const [id, counter] of pairs) {
    const text = box(id);
    byId(`${tab}_${counter}_counter`)?.classList.toggle("gone", settings.disable_token_counters === true);
    if (!settings.disable_token_counters) countTokens(tab, text, `${tab}_${counter}_button`);
    text.addEventListener("dragover", (event) => { if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); });
    text.addEventListener("drop", (event) => readDropped(event, box(`${tab}_prompt`)));
  }
  byId(`${tab}_clear_prompt`).addEventListener("click", () => clear(tab));
}

/** Ask for a new count when text and styles have rested, whoever changed them. */
function countTokens(tab, text, button) {
  const now = () => `${text.value}\0${byId(`${tab}_styles`)?.innerText ?? ""}`;
  let timer = null;
  let counted = now().replace(text.value, "");
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (now() === counted) return;
      counted = now();
      press(button);
    }, DELAY);
  };
  text.addEventListener("input", later);
  // Gradio changes the text by a paste without an input event.
  setInterval(() => { if (now() !== counted) later(); }, 2 * DELAY);
}

function clear(tab) {
  const boxes = [box(`${tab}_prompt`), box(`${tab}_neg_prompt`)];
  const before = boxes.map((text) => text.value);
  if (before.every((text) => !text)) return;
  boxes.forEach((text) => type(text, ""));
  boxes[0].focus();
  toast("Both prompts were cleared.", { action: ["Undo", () => boxes.forEach((text, n) => type(text, before[n]))] });
}

/** A dropped text file is taken as infotext; pictures are read on the PNG Info tab's handler. */
async function readDropped(event, prompt) {
  const file = event.dataTransfer?.files?.[0];
  if (!file) return;
  event.preventDefault();
  event.stopPropagation();
  if (file.type.startsWith("image/")) return window.atelier.inspectFile(file);
  if (file.size > 10000) return failed(`${file.name} is too long to be generation parameters (10,000 characters at most).`);
  type(prompt, await file.text());
  press("paste");
}
