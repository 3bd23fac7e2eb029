// Where the page's scripts begin: wires each generating tab as it appears and hands Gradio's events
// their functions (`atelier.*`, see early.js).

import { setUpAttention } from "./attention.js";
import { setUpBounds } from "./bounds.js";
import { followLoading } from "./checkpoint.js";
import { ExtrasTab } from "./extras.js";
import { Img2Img } from "./img2img.js";
import { hiresSize } from "./hires.js";
import { inspectFile } from "./inspect.js";
import { setUpKeys } from "./keys.js";
import { labelPage } from "./labels.js";
import { setUpOrder } from "./order.js";
import { element, openTab, readSettings } from "./page.js";
import { forgetReplay, replay } from "./replay.js";
import { setUpSearch } from "./search.js";
import { sendImage } from "./send.js";
import { GeneratingTab } from "./tab.js";
import { setUpTheme } from "./theme.js";
import { failed, toast } from "./toast.js";
import { Viewer } from "./viewer.js";

const FIRST = "txt2img";
const PAINTED = ["img2img", "inpaint"];

await Promise.all(["#footer", "#theme_toggle"].map(element));
const viewer = new Viewer();
/** Those that are there, by name. */
const tabs = { [FIRST]: await GeneratingTab.at(FIRST, viewer) };

/** The img2img tabs, each once Gradio has made it, which is when it is first opened. */
const painted = Object.fromEntries(PAINTED.map((name) => [name, Img2Img.at(name)]));
for (const name of PAINTED) openPainted(name);
openExtras();

labelPage();
setUpTheme();
setUpKeys(tabs);
setUpAttention();
setUpOrder();
setUpBounds();
setUpSearch();

window.atelier.arrived({
  submit(tab, values) {
    tabs[tab].gallery.replaceNext(false);
    return tabs[tab].generator.submit(values);
  },
  upscale(tab, values) {
    tabs[tab].gallery.replaceNext();
    return tabs[tab].generator.submit([values[0], tabs[tab].gallery.selectedName, ...values.slice(2)]);
  },
  hiresSize,
  submitted: (tab, reply) => tabs[tab].generator.submitted(reply),
  opened(json, notices) {
    readSettings(json);
    for (const notice of notices ?? []) toast(notice, { kind: "error" });
  },
  selected: (tab) => tabs[tab].gallery.selectedName,
  selectedInfotext: (tab) => tabs[tab].gallery.selected?.infotext ?? "",
  followedJob: (tab) => tabs[tab].gallery.job ?? "",
  seedOfSelected: (tab, field, now) => tabs[tab].seed(field) ?? now,
  replied,
  pasted: (tab, reply) => { if (!replied(reply)) pasted(tab, reply); },
  sentToPngInfo: (reply) => { if (!replied(reply)) openTab("PNG Info"); },
  settingsApplied: (reply) => { if (!replied(reply) && reply?.settings) readSettings(reply.settings); },
  mode: async (tab, mode) => (await painted[tab]).open(mode),
  copyImage: async (tab, mode) => (await painted[tab]).copyTo(mode),
  detectSize: async (tab, now) => (await painted[tab]).detected(now),
  sendImage: (source, target) => sendImage(source, target, tabs, (name) => painted[name]),
  inspectFile,
  replay,
  forgetReplay,
});

await tabs[FIRST].open();
document.documentElement.dataset.atelier = "ready";

async function openPainted(name) {
  const tab = await painted[name];
  tabs[name] = await GeneratingTab.at(name, viewer, (values) => tab.withCanvas(values));
  // A checkpoint may be loaded by the job that needs it first.
  tabs[name].follower.addEventListener("ended", () => tab.suit());
  await tabs[name].open();
  document.documentElement.dataset[name] = "ready";
}

async function openExtras() {
  tabs.extras = await ExtrasTab.at(viewer);
  await tabs.extras.open();
  document.documentElement.dataset.extras = "ready";
}

/** Show what a handler has to say; true if it was an error. */
function replied(reply, tab = FIRST) {
  if (reply?.error) failed(reply.error);
  if (reply?.saved) tabs[tab].gallery.log([reply.saved]);
  if (reply?.loading) followLoading(reply.loading);
  return Boolean(reply?.error);
}

function pasted(tab, reply) {
  if (!reply?.pasted) return;
  openTab(tab);
  const overrides = reply.overrides?.length ? ` and ${reply.overrides.length} override settings` : "";
  toast(`${reply.pasted.length} values${overrides} were put into the controls.`);
}
