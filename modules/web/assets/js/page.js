// The page's elements and settings: what every other module asks for.

export const byId = (id) => document.getElementById(id);

/** The text field of a Gradio component: its textarea or its input. */
export const field = (id) => byId(id)?.querySelector("textarea, input:not([type=range])") ?? null;

/** Settings that scripts read, by A1111's key; complete once `opened` has resolved. */
export const settings = {};

let resolveOpened;
export const opened = new Promise((resolve) => { resolveOpened = resolve; });

export function readSettings(json) {
  Object.assign(settings, typeof json === "string" ? JSON.parse(json || "{}") : json);
  resolveOpened();
}

/** Resolves with the element of a selector once Gradio has made it: each kind of component arrives on its own. */
export function element(selector) {
  const found = document.querySelector(selector);
  if (found) return Promise.resolve(found);
  return new Promise((resolve) => {
    const watch = new MutationObserver(() => {
      const made = document.querySelector(selector);
      if (!made) return;
      watch.disconnect();
      resolve(made);
    });
    watch.observe(document.documentElement, { childList: true, subtree: true });
  });
}

/** Put a value into a Gradio field as if it had been typed. */
export function type(input, value) {
  const prototype = input instanceof HTMLTextAreaElement ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
  Object.getOwnPropertyDescriptor(prototype, "value").set.call(input, value);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Press one of Gradio's buttons. */
export function press(id) {
  const found = byId(id);
  (found?.matches("button") ? found : found?.querySelector("button"))?.click();
}

export const tabNames = ["txt2img", "img2img", "inpaint"];

/** The generating tab that is open, or null on PNG Info and Settings. */
export function currentTab() {
  return tabNames.find((tab) => byId(`${tab}_toprow`)?.offsetParent) ?? null;
}

/** Open a tab by its visible name. */
export function openTab(name) {
  const buttons = byId("tabs")?.querySelectorAll(":scope > .tab-wrapper button[role=tab], button[role=tab]") ?? [];
  [...buttons].find((button) => button.textContent.trim() === name)?.click();
}

/** localStorage that may be forbidden. */
export const memory = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* forgotten at the next visit */ } },
  remove(key) { try { localStorage.removeItem(key); } catch { /* was not there */ } },
};

export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}
