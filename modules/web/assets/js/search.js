// The search box of the Settings tab: hides what does not match, and sections left empty.

import { byId, element } from "./page.js";

export async function setUpSearch() {
  // The tab's contents are made when it is first opened.
  const box = await element("#settings_search :is(input, textarea)");
  box.setAttribute("aria-label", "Search settings");
  box.addEventListener("input", () => {
    const wanted = box.value.trim().toLowerCase();
    for (const section of byId("settings").querySelectorAll(".settings-section")) {
      const titled = section.querySelector("h3")?.textContent.toLowerCase().includes(wanted);
      let some = false;
      for (const control of section.querySelectorAll("[id^=setting_]")) {
        const hit = titled || control.id.includes(wanted) || control.textContent.toLowerCase().includes(wanted);
        control.classList.toggle("gone", !hit);
        some ||= hit;
      }
      section.classList.toggle("gone", !some);
    }
  });
}
