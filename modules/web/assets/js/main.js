// Where the page's scripts begin: wires one gallery, follower and generator to the txt2img tab and
// hands Gradio's events their functions (`atelier.*` and `submit`, see early.js).

import * as api from "./api.js";
import { setUpAttention } from "./attention.js";
import { setUpBounds } from "./bounds.js";
import { followLoading } from "./checkpoint.js";
import { Follower } from "./follow.js";
import { Gallery } from "./gallery.js";
import { Generator } from "./generate.js";
import { inspectFile } from "./inspect.js";
import { setUpKeys } from "./keys.js";
import { label } from "./labels.js";
import { byId, element, opened, openTab, readSettings, settings } from "./page.js";
import { setUpPrompt } from "./prompt.js";
import { reattach } from "./reattach.js";
import { setUpSearch } from "./search.js";
import { setUpSize } from "./size.js";
import { setUpSplit } from "./split.js";
import { setUpTheme } from "./theme.js";
import { failed, toast } from "./toast.js";
import { Viewer } from "./viewer.js";

const TAB = "txt2img";

const NEEDED = [
  "#footer", "#theme_toggle", `#${TAB}_prompt textarea`, `#${TAB}_neg_prompt textarea`, `#${TAB}_gallery .gallery`,
  `#html_info_${TAB}`, `#html_log_${TAB}`, `#${TAB}_generate_box`, `#${TAB}_body > .results`, `#save_zip_${TAB}`,
  ...["generate", "interrupt", "interrupting", "skip", "clear_prompt", "restore_progress", "token_button",
    "negative_token_button", "reopen"].map((name) => `#${TAB}_${name}`),
  ...["width", "height"].map((side) => `#${TAB}_${side} input[type=number]`),
];
await Promise.all(NEEDED.map(element));

const gallery = new Gallery(TAB);
const follower = new Follower(TAB, gallery);
const generator = new Generator(TAB, follower);
const viewer = new Viewer();

gallery.addEventListener("open", () => { if (settings.js_modal_lightbox !== false) viewer.open(gallery); });
label();
setUpTheme();
setUpKeys({ [TAB]: generator });
setUpAttention();
setUpSize(TAB);
setUpBounds();
setUpSplit(`${TAB}_body`);
setUpSearch();
byId(`save_zip_${TAB}`).addEventListener("click", () => {
  if (gallery.selected) location.assign(api.archive(gallery.job));
  else failed("There are no pictures to download yet.");
});

window.atelier.arrived({
  submit: (...values) => generator.submit(values),
  submitted: (reply) => generator.submitted(reply),
  opened(json, notices) {
    readSettings(json);
    for (const notice of notices ?? []) toast(notice, { kind: "error" });
  },
  selected: () => gallery.selectedName,
  selectedInfotext: () => gallery.selected?.infotext ?? "",
  followedJob: () => gallery.job ?? "",
  seedOfSelected: (name, now) => seedOf(gallery.selected, name) ?? now,
  replied,
  pasted: (reply) => { if (!replied(reply)) pasted(reply); },
  sentToPngInfo: (reply) => { if (!replied(reply)) openTab("PNG Info"); },
  settingsApplied: (reply) => { if (!replied(reply) && reply?.settings) readSettings(reply.settings); },
  inspectFile,
});

await opened;
setUpPrompt(TAB);
if (settings.gallery_height) byId(`${TAB}_gallery_container`).style.setProperty("--gallery-height", settings.gallery_height);
await reattach(follower);
document.documentElement.dataset.atelier = "ready";

/** Show what a handler has to say; true if it was an error. */
function replied(reply) {
  if (reply?.error) failed(reply.error);
  if (reply?.saved) gallery.log([reply.saved]);
  if (reply?.loading) followLoading(reply.loading);
  return Boolean(reply?.error);
}

function pasted(reply) {
  if (!reply?.pasted) return;
  openTab("txt2img");
  const overrides = reply.overrides?.length ? ` and ${reply.overrides.length} override settings` : "";
  toast(`${reply.pasted.length} values${overrides} were put into the controls.`);
}

function seedOf(image, name) {
  if (!image) return null;
  if (image[name] != null) return image[name];
  const label = name === "seed" ? "Seed" : "Variation seed";
  const found = image.infotext?.match(new RegExp(`(?:^|, )${label}: (\\d+)`, "m"));
  return found ? Number(found[1]) : null;
}
