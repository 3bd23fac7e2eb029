// The button that switches between light and dark; the theme itself is set in early.js.

import { byId } from "./page.js";

export function setUpTheme() {
  byId("theme_toggle")?.addEventListener("click", () => {
    window.atelierTheme.set(window.atelierTheme.now() === "dark" ? "light" : "dark");
  });
}
