// Runs before the first paint, as a plain script: the theme, and a door to functions that load later.
(() => {
  const KEY = "atelier_theme";
  const asked = new URLSearchParams(location.search).get("__theme");
  const preset = document.currentScript.dataset.theme; // of --theme
  const system = matchMedia("(prefers-color-scheme: dark)");
  const read = () => { try { return localStorage.getItem(KEY); } catch { return null; } };

  // What the address asks for counts for this visit, what the switch chose until it is switched
  // again; else the launch flag, else the system.
  function wanted() {
    const chosen = asked === "dark" || asked === "light" ? asked : read();
    return chosen || preset || (system.matches ? "dark" : "light");
  }

  function apply() {
    const dark = wanted() === "dark";
    document.documentElement.classList.toggle("dark", dark);
    document.body?.classList.toggle("dark", dark);
  }

  apply();
  system.addEventListener("change", apply);
  // Gradio sets the class by the system alone, once when it starts and whenever the system changes.
  addEventListener("DOMContentLoaded", () => {
    apply();
    new MutationObserver(() => {
      if (document.body.classList.contains("dark") !== (wanted() === "dark")) apply();
    }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });

  window.atelierTheme = {
    now: wanted,
    set(theme) {
      try { localStorage.setItem(KEY, theme); } catch { /* private window: for this visit only */ }
      const url = new URL(location.href);
      if (url.searchParams.has("__theme")) {
        url.searchParams.set("__theme", theme);
        location.replace(url);
      } else apply();
    },
  };

  // Gradio may call into main.js before it has arrived; each call waits for it.
  let arrived;
  const main = new Promise((resolve) => { arrived = resolve; });
  window.atelier = new Proxy({}, {
    get: (_, name) => name === "arrived" ? arrived : (...args) => main.then((page) => page[name](...args)),
  });
})();
