// The Extras tab: a gallery, the job it follows and Generate, wired when Gradio has made the tab.

import * as api from "./api.js";
import { Follower } from "./follow.js";
import { Gallery } from "./gallery.js";
import { Generator } from "./generate.js";
import { labelTab, name } from "./labels.js";
import { byId, element, opened, settings, type } from "./page.js";
import { reattach } from "./reattach.js";
import { failed } from "./toast.js";

const TAB = "extras";
const needed = [
  `#${TAB}_gallery .gallery`, `#html_info_${TAB}`, `#html_log_${TAB}`, `#${TAB}_generate_box`, `#${TAB}_body > *`,
  `#save_zip_${TAB}`, ...["generate", "interrupt", "interrupting", "skip", "restore_progress", "reopen"].map((part) => `#${TAB}_${part}`),
];

export class ExtrasTab {
  static async at(viewer) {
    await Promise.all(needed.map(element));
    return new ExtrasTab(viewer);
  }

  constructor(viewer) {
    this.gallery = new Gallery(TAB);
    this.follower = new Follower(TAB, this.gallery);
    this.generator = new Generator(TAB, this.follower);
    this.gallery.addEventListener("open", () => { if (settings.js_modal_lightbox !== false) viewer.open(this.gallery); });
    labelTab(TAB);
    name({ refresh_extras_upscalers: "Look for new upscaler files", upscaling_res_switch_btn: "Swap width and height" });
    byId(`save_zip_${TAB}`).addEventListener("click", () => {
      if (this.gallery.selected) location.assign(api.archive(this.gallery.job));
      else failed("There are no pictures to download yet.");
    });
    this.scaleByName();
  }

  async open() {
    await opened;
    if (settings.gallery_height) byId(`${TAB}_gallery_container`).style.setProperty("--gallery-height", settings.gallery_height);
    await reattach(this.follower);
  }

  /** With set_scale_by_when_changing_upscaler, "4x-Name" sets the factor to 4. */
  scaleByName() {
    const chosen = byId(`${TAB}_upscaler_1`)?.querySelector("input");
    const factor = byId(`${TAB}_upscaling_resize`)?.querySelector("input[type=number]");
    let last = chosen?.value;
    const look = () => {
      if (!chosen || chosen.value === last) return;
      last = chosen.value;
      if (settings.set_scale_by_when_changing_upscaler !== true) return;
      const found = /(?:^|[^\d.])(\d{1,2})x(?![a-z])|x(\d{1,2})(?!\d)/i.exec(last);
      if (!found || !factor) return;
      type(factor, found[1] ?? found[2]);
      factor.dispatchEvent(new Event("change", { bubbles: true }));
    };
    for (const event of ["change", "blur", "input"]) chosen?.addEventListener(event, () => setTimeout(look, 50));
  }
}
