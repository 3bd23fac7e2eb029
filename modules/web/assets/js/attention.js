// Ctrl+Up and Ctrl+Down in a prompt: the weight of the selection, of the brackets around the cursor,
// or of the word under it.

import { settings, type } from "./page.js";

const WHITE = { Tab: "\t", "Carriage Return": "\r", "Line Feed": "\n" };
const CLOSING = { "(": ")", "[": "]" };

/**
 * The text after a change of weight: {text, start, end} with the weighted words selected, or null
 * when there is nothing to weigh. `step` is the signed change, `delimiters` end a word.
 */
export function reweighed(text, start, end, step, delimiters) {
  const tag = tagAround(text, start, end);
  if (tag) return retagged(text, tag, step < 0 ? -1 : 1);
  const block = start === end ? blockAround(text, start, start) : blockAround(text, start, end) ?? blockOf(text, start, end);
  if (block) return rewritten(text, block, step);
  if (start === end) [start, end] = wordAt(text, start, delimiters);
  while (start < end && /\s/.test(text[start])) start += 1;
  while (end > start && /\s/.test(text[end - 1])) end -= 1;
  if (start === end) return null;
  return rewritten(text, { open: start, close: end - 1, from: start, to: end, weight: 1 }, step);
}

function rewritten(text, { open, close, from, to, weight }, step) {
  const digits = Math.max(decimals(Math.abs(step)), decimals(weight));
  const next = Number((weight + step).toFixed(digits));
  const words = text.slice(from, to);
  const wrapped = next === 1 ? words : `(${words}:${next})`;
  const start = open + (next === 1 ? 0 : 1);
  return { text: text.slice(0, open) + wrapped + text.slice(close + 1), start, end: start + words.length };
}

/** The network tag that a selection lies in: where it begins, its text and its first number. */
function tagAround(text, start, end) {
  for (const match of text.matchAll(/<[^<>:\n]+:[^<>:\n]+((?::[^<>:\n]*)*)>/g)) {
    if (match.index < start && end < match.index + match[0].length) return { at: match.index, tag: match[0] };
  }
  return null;
}

/** The first of a tag's numbers changed by one step; without one it gets one. */
function retagged(text, { at, tag }, sign) {
  const step = sign * (Number(settings.keyedit_precision_extra) || 0.05);
  const found = tag.match(/^(<[^:]+:[^:>]+):([+-]?\d*\.?\d+)(?=[:>])/);
  const weight = found ? Number(found[2]) : 1;
  const next = Number((weight + step).toFixed(Math.max(decimals(Math.abs(step)), decimals(weight))));
  const made = found ? `${found[1]}:${next}${tag.slice(found[0].length)}` : `${tag.slice(0, -1)}:${next}>`;
  return { text: text.slice(0, at) + made + text.slice(at + tag.length), start: at + 1, end: at + made.length - 1 };
}

/** The innermost brackets around a selection, if they hold nothing else or the selection is a mere cursor. */
function blockAround(text, start, end) {
  for (let open = start - 1, depth = []; open >= 0; open--) {
    if (escaped(text, open)) continue;
    const mark = text[open];
    if (mark === ")" || mark === "]") depth.push(mark);
    else if (mark === "(" || mark === "[") {
      if (depth.length) { depth.pop(); continue; }
      const close = closingOf(text, open);
      if (close < end) return null;
      const block = described(text, open, close);
      if (start === end) return start <= block.to ? block : null;
      return start === block.from && end === block.to ? block : null;
    }
  }
  return null;
}

/** The selection's own brackets, when they were selected with it. */
function blockOf(text, start, end) {
  return text[start] in CLOSING && closingOf(text, start) === end - 1 ? described(text, start, end - 1) : null;
}

/** Where the brackets and the words between them are, and what they weigh. */
function described(text, open, close) {
  const inside = text.slice(open + 1, close);
  const weight = text[open] === "(" ? inside.match(/:\s*([+-]?\d*\.?\d+)\s*$/) : null;
  if (weight) return { open, close, from: open + 1, to: open + 1 + weight.index, weight: Number(weight[1]) };
  const mark = text[open];
  let levels = 1;
  let [first, last, from, to] = [open, close, open + 1, close];
  while (text[first - 1] === mark && text[last + 1] === CLOSING[mark] && !escaped(text, first - 1)) [first, last, levels] = [first - 1, last + 1, levels + 1];
  while (text[from] === mark && closingOf(text, from) === to - 1) [from, to, levels] = [from + 1, to - 1, levels + 1];
  const precision = decimals(Number(settings.keyedit_precision_attention) || 0.1);
  return { open: first, close: last, from, to, weight: Number((1.1 ** (mark === "(" ? levels : -levels)).toFixed(precision)) };
}

function closingOf(text, open) {
  const mark = text[open];
  for (let i = open, depth = 0; i < text.length; i++) {
    if (escaped(text, i)) continue;
    if (text[i] === mark) depth += 1;
    else if (text[i] === CLOSING[mark] && --depth === 0) return i;
  }
  return -1;
}

const escaped = (text, at) => text[at - 1] === "\\" && text[at - 2] !== "\\";

function wordAt(text, at, delimiters) {
  const white = settings.keyedit_delimiters_whitespace ?? Object.keys(WHITE);
  const ends = new Set([...delimiters, ...white.map((name) => WHITE[name])]);
  let [start, end] = [at, at];
  while (start > 0 && !ends.has(text[start - 1])) start -= 1;
  while (end < text.length && !ends.has(text[end])) end += 1;
  return [start, end];
}

const decimals = (number) => (String(number).split(".")[1] ?? "").length;

export function setUpAttention() {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    const box = event.target;
    if (!(box instanceof HTMLTextAreaElement) || !box.closest(".prompt, [id$=_toprow]")) return;
    event.preventDefault();
    const precision = Number(settings.keyedit_precision_attention) || 0.1;
    const step = event.key === "ArrowUp" ? precision : -precision;
    const result = reweighed(box.value, box.selectionStart, box.selectionEnd, step, settings.keyedit_delimiters ?? " ,.");
    if (!result) return;
    type(box, result.text);
    box.setSelectionRange(result.start, result.end);
  });
}
