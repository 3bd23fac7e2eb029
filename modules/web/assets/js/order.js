// Alt+Left and Alt+Right in a prompt: the comma-separated words under the cursor change place with their neighbour.

import { settings, type } from "./page.js";

/**
 * The text after words moved one place: {text, start, end} with the moved words selected, or null where they cannot
 * move. `step` is -1 or 1. The white space of each place stays where it is.
 */
export function moved(text, start, end, step) {
  const parts = text.split(",").map((part) => [part.match(/^\s*/)[0], part.trim(), part.trim() ? part.match(/\s*$/)[0] : ""]);
  const place = (at) => text.slice(0, at).split(",").length - 1;
  const [first, last] = [place(start), place(end)];
  const [from, to] = step < 0 ? [first - 1, last] : [first, last + 1];
  if (from < 0 || to >= parts.length) return null;
  const words = parts.slice(from, to + 1).map(([, word]) => word);
  if (step < 0) words.push(words.shift());
  else words.unshift(words.pop());
  words.forEach((word, n) => { parts[from + n][1] = word; });
  const joined = parts.map((part) => part.join(""));
  const before = (n) => joined.slice(0, n).join(",").length + (n > 0 ? 1 : 0);
  const [left, right] = [first + step, last + step];
  return {
    text: joined.join(","),
    start: before(left) + parts[left][0].length,
    end: before(right) + parts[right][0].length + parts[right][1].length,
  };
}

export function setUpOrder() {
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const box = event.target;
    if (!(box instanceof HTMLTextAreaElement) || !box.closest(".prompt, [id$=_toprow]") || settings.keyedit_move === false) return;
    event.preventDefault();
    const result = moved(box.value, box.selectionStart, box.selectionEnd, event.key === "ArrowLeft" ? -1 : 1);
    if (!result) return;
    type(box, result.text);
    box.setSelectionRange(result.start, result.end);
  });
}
