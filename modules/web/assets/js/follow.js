// Following one job: progress, preview and pictures, from the server, for as long as it runs.
//
// A job belongs to the server. The page only watches it, and finds it again after a reload.

import * as api from "./api.js";
import { byId, memory, settings } from "./page.js";
import { failed } from "./toast.js";

const TITLE = document.title || "Atelier";
const SHORTEST = 150;

/** Seconds as A1111 writes them: 7s, 01:07, 1:01:07. */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n) => String(n).padStart(2, "0");
  if (whole >= 3600) return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole >= 60 ? `${two(Math.floor(whole / 60))}:${two(whole % 60)}` : `${whole}s`;
}

export class Follower extends EventTarget {
  constructor(tab, gallery) {
    super();
    this.tab = tab;
    this.gallery = gallery;
    this.id = null;
    this.batches = 1;
    this.bar = gallery.root.querySelector(".gallery-progress");
    this.fill = this.bar.querySelector(".progress");
    this.text = this.bar.querySelector(".progress-text");
    this.eta = this.bar.querySelector(".progress-eta");
  }

  get running() {
    return this.id !== null;
  }

  /** Watch a job until it ends. A newer call ends an older one. */
  async follow(id, count = 1) {
    this.id = id;
    memory.set(`${this.tab}_task_id`, id);
    this.gallery.expect(id, count);
    this.progress({ text: "Queued", fraction: 0 });
    this.dispatchEvent(new Event("started"));
    const began = performance.now();
    let shown = -1;
    let seen = "";
    let misses = 0;
    while (this.id === id) {
      let job;
      try {
        job = await api.job(id);
        misses = 0;
      } catch (error) {
        // The server restarts, the phone was asleep: the job goes on without us.
        if (error.status === 404 || error.status === 401) return this.lost(error);
        misses += 1;
        this.progress({ text: "The studio does not answer, trying again…", fraction: null });
        await pause(Math.min(500 * misses, 5000));
        continue;
      }
      if (this.id !== id) return;
      this.batches = job.request?.n_iter ?? 1;
      this.gallery.show(id, job.images, expected(job));
      if (ended(job)) return this.finish(job);
      this.progress(described(job));
      const { batch, step } = job.progress;
      const reached = `${batch}/${step}`;
      if (settings.live_previews_enable !== false && step > 0 && reached !== seen) {
        seen = reached;
        shown = await this.preview(id, shown);
      }
      const period = Number(settings.live_preview_refresh_period) || 1000;
      await pause(Math.max(SHORTEST, Math.min(period, (performance.now() - began) / 12)));
    }
  }

  /** Show a job that is over, as it ended. */
  recall(job) {
    memory.set(`${this.tab}_task_id`, job.id);
    this.gallery.show(job.id, job.images, Math.max(job.images.length, 1));
    this.gallery.finish();
    this.gallery.log(summary(job));
  }

  /** Show the forming picture; answers with its number. */
  async preview(id, shown) {
    try {
      const found = await api.preview(id, shown);
      if (found && this.id === id) await this.gallery.preview(found.source);
      return found?.number ?? shown;
    } catch {
      return shown;
    }
  }

  /** Stop showing a job as running. */
  release() {
    this.id = null;
    this.progress(null);
    this.gallery.preview(null);
    this.dispatchEvent(new Event("ended"));
  }

  lost(error) {
    this.release();
    failed(error.status === 401 ? "You are logged out; reload the page to log in." : "This job is no longer known to the studio.");
  }

  finish(job) {
    this.gallery.finish();
    this.gallery.log(summary(job));
    this.release();
    if (job.status === "failed") failed(job.error || "The job failed; the log has the details.");
  }

  /** Draw the bar; null hides it, a fraction of null keeps the last one. */
  progress(state) {
    const on = state !== null && settings.show_progressbar !== false;
    this.bar.classList.toggle("on", on);
    if (state === null) {
      document.title = TITLE;
      return;
    }
    const percent = state.fraction === null ? null : Math.floor(state.fraction * 100);
    if (percent !== null) {
      this.fill.style.width = `${state.fraction * 100}%`;
      this.bar.setAttribute("aria-valuenow", String(percent));
    }
    this.text.textContent = state.text;
    this.eta.textContent = state.eta ?? "";
    this.bar.setAttribute("aria-valuetext", `${state.text} ${state.eta ?? ""}`.trim());
    if (settings.show_progress_in_title !== false) {
      document.title = percent === null ? TITLE : `[${percent}%${state.eta ? ` ETA: ${state.eta.replace(" left", "")}` : ""}] ${TITLE}`;
    }
  }
}

export const ended = (job) => ["done", "failed", "interrupted"].includes(job.status);

function expected(job) {
  return Math.max(1, (job.request?.n_iter ?? 1) * (job.request?.batch_size ?? 1));
}

function described(job) {
  if (job.status === "queued") {
    const ahead = job.position > 1 ? `, ${job.position - 1} ahead` : "";
    return { text: job.progress?.phase || `Queued${ahead}`, fraction: 0 };
  }
  const { step = 0, steps = 0, batch = 0, batches = 0, phase = "", fraction = 0, eta = null } = job.progress ?? {};
  const parts = [];
  if (batches > 1) parts.push(`Batch ${Math.min(batch + 1, batches)}/${batches}`);
  if (steps && !phase) parts.push(`Step ${step}/${steps}`);
  if (phase) parts.push(phase);
  if (steps) parts.push(`${Math.floor(fraction * 100)}%`);
  return { text: parts.join("  ·  ") || "Starting", fraction, eta: eta === null ? "" : `${eta < 1 ? "<1s" : clock(eta)} left` };
}

function summary(job) {
  const lines = (job.comments ?? []).map((text) => [text, "comment"]);
  // Of a job that the studio's own end cut short nobody knows when it ended.
  if (job.error) lines.push([job.error, "error"]);
  else if (job.started_at && job.finished_at) {
    const seconds = job.finished_at - job.started_at;
    const minutes = Math.floor(seconds / 60);
    const rest = (seconds - minutes * 60).toFixed(1);
    const taken = minutes ? `${minutes} min. ${rest} sec.` : `${rest} sec.`;
    lines.push([`${job.status === "interrupted" ? "Interrupted after" : "Time taken:"} ${taken}`, "time"]);
  }
  return lines;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
