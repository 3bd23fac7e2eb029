// Replay on the PNG Info tab: follows the job that makes the picture again, then shows both and where they differ.

import * as api from "./api.js";
import { ended } from "./follow.js";
import { byId, make } from "./page.js";
import { failed } from "./toast.js";

const PERIOD = 300;
let latest = 0;

export async function replay(reply) {
  if (!reply) return;
  const turn = ++latest;
  if (reply.error) return failed(reply.error);
  if (reply.refused) return show(make("p", { class: "verdict none" }, "Not replayed"), make("p", {}, reply.refused));
  const bar = make("p", { class: "hint", role: "status" }, "Making it again…");
  show(bar);
  try {
    for (;;) {
      const job = await api.job(reply.job);
      if (turn !== latest) return;
      if (ended(job)) break;
      const { step = 0, steps = 0, phase = "" } = job.progress ?? {};
      bar.textContent = job.status === "queued" ? "Queued" : phase || (steps ? `Step ${step}/${steps}` : "Starting");
      await new Promise((resolve) => setTimeout(resolve, PERIOD));
    }
    if (turn === latest) result(await api.replayed(reply.job));
  } catch (error) {
    show(make("p", { class: "verdict none" }, "Not replayed"), make("p", {}, error.message));
  }
}

/** A new picture was dropped: what stands there is about the old one. */
export function forgetReplay() {
  latest += 1;
  byId("pnginfo_replay")?.querySelector(".ours")?.replaceChildren();
}

function result(found) {
  if (!found.verdict) return show(make("p", { class: "verdict none" }, "Not replayed"), make("p", {}, found.error || "It was interrupted."));
  const share = found.share < 0.001 ? "less than 0.1" : (found.share * 100).toFixed(1);
  const said = {
    identical: ["Identical", "Every pixel is the same."],
    different: ["Different", `PSNR ${found.psnr?.toFixed(1)} dB; ${share} % of the pixels differ, by ${found.largest} of 255 at most.`],
    "other size": ["Different", "The pictures have different sizes."],
  }[found.verdict];
  const figures = [["This picture", byId("pnginfo_image")?.querySelector("img")?.src], ["Made again", found.image && api.absolute(found.image)], ["Difference, brightened", found.difference && api.absolute(found.difference)]];
  show(
    make("p", { class: `verdict ${found.verdict === "identical" ? "same" : "other"}`, role: "status" }, said[0]),
    make("p", {}, said[1]),
    make("div", { class: "compared" }, ...figures.filter(([, src]) => src).map(([text, src]) => make("figure", {}, make("img", { src, alt: text }), make("figcaption", {}, text)))),
    ...(found.remarks.length ? [make("h4", {}, "Of the recipe"), make("ul", {}, ...found.remarks.map((text) => make("li", {}, text)))] : []),
  );
}

function show(...parts) {
  const box = byId("pnginfo_replay");
  const inside = box.querySelector(".ours") ?? box.appendChild(make("div", { class: "ours" }));
  inside.replaceChildren(...parts);
  inside.scrollIntoView({ block: "nearest" });
}
