// What a click on a card does to a prompt: put its text in, or take it out where it is.

const TAG = /^<([^:>]+:[^:>]+)(?::[^>]*)?>([^]*)$/;
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The prompt with the card's text in it, or without: {text, removed}. */
export function toggled(prompt, added, separator) {
  if (!added) return { text: prompt, removed: false };
  const found = place(prompt, added);
  if (!found) return { text: prompt ? prompt + separator + added : added, removed: false };
  let [start, end] = found;
  // What was put before it goes as well.
  if (separator && prompt.slice(0, start).endsWith(separator)) start -= separator.length;
  else if (separator && !start && prompt.slice(end).startsWith(separator)) end += separator.length;
  return { text: prompt.slice(0, start) + prompt.slice(end), removed: true };
}

/** Where the card's text stands in the prompt: [start, end], or null. A tag counts whatever its weight. */
function place(prompt, added) {
  const tag = added.match(TAG);
  const pattern = tag ? `<${escaped(tag[1])}(?::[^>]*)?>` : `(?<![\\w-])${escaped(added)}(?![\\w-])`;
  const found = new RegExp(pattern).exec(prompt);
  if (!found) return null;
  let end = found.index + found[0].length;
  const words = tag?.[2] ?? "";
  if (words && prompt.slice(end).startsWith(words)) end += words.length;
  return [found.index, end];
}
