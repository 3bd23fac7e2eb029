// One generating tab: its gallery, the job it follows and its Generate button. A tab other than the
// first is made by Gradio when it is opened, so each is wired when its elements are there.

import * as api from "./api.js";
import { setUpCards } from "./cards.js";
import { Follower } from "./follow.js";
import { setUpForever } from "./forever.js";
import { Gallery } from "./gallery.js";
import { Generator } from "./generate.js";
import { labelTab } from "./labels.js";
import { setUpNotifications } from "./notify.js";
import { byId, element, opened, settings } from "./page.js";
import { setUpPrompt } from "./prompt.js";
import { reattach } from "./reattach.js";
import { setUpSize } from "./size.js";
import { setUpSplit } from "./split.js";
import { setUpStyles } from "./styles.js";
import { failed } from "./toast.js";

const needed = (tab) => [
  `#${tab}_prompt textarea`, `#${tab}_neg_prompt textarea`, `#${tab}_gallery .gallery`, `#html_info_${tab}`,
  `#html_log_${tab}`, `#${tab}_generate_box`, `#${tab}_body > .results`, `#save_zip_${tab}`,
  ...["generate", "interrupt", "interrupting", "skip", "clear_prompt", "restore_progress", "token_button",
    "negative_token_button", "reopen"].map((name) => `#${tab}_${name}`),
  ...["width", "height"].map((side) => `#${tab}_${side} input[type=number]`),
];

export class GeneratingTab {
  /** Resolves when everything the tab needs is there; `before` may add to a job's values, see Generator. */
  static async at(name, viewer, before = null) {
    await Promise.all(needed(name).map(element));
    return new GeneratingTab(name, viewer, before);
  }

  constructor(name, viewer, before) {
    this.name = name;
    this.gallery = new Gallery(name);
    this.follower = new Follower(name, this.gallery);
    this.generator = new Generator(name, this.follower, before);
    this.gallery.addEventListener("open", () => { if (settings.js_modal_lightbox !== false) viewer.open(this.gallery); });
    labelTab(name);
    setUpSize(name);
    setUpForever(name, this.generator);
    setUpNotifications(this.follower);
    setUpSplit(`${name}_body`);
    byId(`save_zip_${name}`).addEventListener("click", () => {
      if (this.gallery.selected) location.assign(api.archive(this.gallery.job));
      else failed("There are no pictures to download yet.");
    });
  }

  /** What can only be done once the settings have arrived. */
  async open() {
    await opened;
    setUpPrompt(this.name);
    setUpStyles(this.name);
    setUpCards(this.name, this.gallery);
    if (settings.gallery_height) byId(`${this.name}_gallery_container`).style.setProperty("--gallery-height", settings.gallery_height);
    await reattach(this.follower);
  }

  /** A seed of the selected picture, null without one. */
  seed(field) {
    const image = this.gallery.selected;
    if (!image) return null;
    if (image[field] != null) return image[field];
    const label = field === "seed" ? "Seed" : "Variation seed";
    const found = image.infotext?.match(new RegExp(`(?:^|, )${label}: (\\d+)`, "m"));
    return found ? Number(found[1]) : null;
  }
}
