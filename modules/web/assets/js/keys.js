// Keys of the whole page: Ctrl+Enter, Alt+Enter, Esc.

import { currentTab } from "./page.js";

const POPUPS = "#lightboxModal.open, .canvas.expanded, dialog[open], ul.option-list";

/** `tabs` by name; those that are opened later are found in it, too. */
export function setUpKeys(tabs) {
  document.addEventListener("keydown", (event) => {
    const generator = tabs[currentTab()]?.generator;
    if (!generator || event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      // Number boxes hand their value over when they are left.
      document.activeElement?.dispatchEvent(new Event("change", { bubbles: true }));
      setTimeout(() => generator.start());
    } else if (event.key === "Enter" && event.altKey) {
      event.preventDefault();
      event.stopPropagation();
      generator.skip();
    } else if (event.key === "Escape" && !document.querySelector(POPUPS)) {
      if (generator.running) {
        event.preventDefault();
        generator.interrupt();
      }
    }
  }, true);
}
