// Short messages in the corner: errors stay until they are closed or read for a while.

import { make } from "./page.js";

const STAYS = { error: 12000, info: 5000 };
let shelf = null;

/** `action` is [label, function] of a button in the message. */
export function toast(text, { kind = "info", action = null } = {}) {
  shelf ??= document.body.appendChild(make("div", { class: "toasts", "aria-live": "polite" }));
  for (const old of shelf.children) if (old.dataset.text === text) old.remove();
  const message = make("div", { class: `toast ${kind}`, role: kind === "error" ? "alert" : "status" }, make("p", {}, text));
  message.dataset.text = text;
  if (action) {
    const [label, run] = action;
    message.append(make("button", { type: "button", class: "toast-action", onclick: () => { run(); message.remove(); } }, label));
  }
  message.append(make("button", { type: "button", class: "toast-close", "aria-label": "Close message", onclick: () => message.remove() }));
  let timer = setTimeout(() => message.remove(), STAYS[kind]);
  message.addEventListener("pointerenter", () => clearTimeout(timer));
  message.addEventListener("pointerleave", () => { timer = setTimeout(() => message.remove(), 3000); });
  shelf.append(message);
  while (shelf.children.length > 4) shelf.firstElementChild.remove();
}

export const failed = (text) => toast(text, { kind: "error" });
