// Generate, Interrupt and Skip: one button's place, three faces.

import * as api from "./api.js";
import { byId, press, settings } from "./page.js";
import { failed, toast } from "./toast.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** A job id as A1111 makes them. */
function newId(tab) {
  const drawn = crypto.getRandomValues(new Uint8Array(7));
  return `task(${tab}-${[...drawn].map((n) => LETTERS[n % 36]).join("")})`;
}

export class Generator {
  /** `before`, if any, is given a job's values before they are sent and answers with those to send, perhaps later. */
  constructor(tab, follower, before = null) {
    this.tab = tab;
    this.before = before;
    this.follower = follower;
    this.box = byId(`${tab}_generate_box`);
    this.waiting = null;
    this.again = false;
    this.stopping = false;
    this.refusals = 0;
    follower.addEventListener("started", () => { this.stopping = false; this.face("running"); });
    follower.addEventListener("ended", () => this.onEnd());
    byId(`${tab}_interrupt`).addEventListener("click", () => this.interrupt());
    byId(`${tab}_interrupting`).addEventListener("click", () => this.interrupt());
    byId(`${tab}_skip`).addEventListener("click", () => this.skip());
  }

  get running() {
    return this.waiting !== null || this.follower.running;
  }

  /** idle, running or stopping. */
  face(state) {
    this.box.dataset.state = state;
  }

  /** Called by Gradio before the handler: the values, with a new job's id in front. */
  submit(values) {
    this.waiting = newId(this.tab);
    this.face("running");
    clearMarks(this.tab);
    // A handler that never answers must not leave the button pressed.
    clearTimeout(this.patience);
    this.patience = setTimeout(() => { if (this.waiting) this.refused("The studio did not answer. Is it still running?"); }, 20000);
    const all = [this.waiting, ...values.slice(1)];
    return this.before ? this.before(all) : all;
  }

  /** Called by Gradio with the handler's reply. */
  submitted(reply) {
    const mine = this.waiting !== null && reply?.id === this.waiting;
    if (!mine) {
      if (this.waiting !== null) this.refused("The studio did not take the job; the log has the details.");
      return;
    }
    this.waiting = null;
    clearTimeout(this.patience);
    if (reply.error) {
      this.face(this.follower.running ? "running" : "idle");
      this.refusals += 1;
      failed(reply.error);
      mark(reply.field);
      return;
    }
    this.follower.follow(reply.id, reply.count ?? 1);
  }

  refused(text) {
    this.waiting = null;
    this.refusals += 1;
    this.face(this.follower.running ? "running" : "idle");
    failed(text);
  }

  /** Ctrl+Enter: start, or stop and start again when stopped. */
  async start() {
    if (!this.running) return press(`${this.tab}_generate`);
    this.again = true;
    await this.interrupt(true);
  }

  /** Stop; of several batches the running one is finished first, unless this is asked twice or `now`. */
  async interrupt(now = false) {
    if (!this.follower.id) return;
    const gently = !now && !this.stopping && settings.interrupt_after_current !== false && this.follower.batches > 1;
    this.stopping = true;
    this.face("stopping");
    if (gently) toast("The running batch is finished first. Press Interrupting to stop it, too.");
    try { await api.interrupt(this.follower.id, gently); } catch (error) { failed(error.message); }
  }

  async skip() {
    if (!this.follower.id) return;
    try { await api.skip(this.follower.id); } catch (error) { failed(error.message); }
  }

  onEnd() {
    if (this.waiting) return;
    this.face("idle");
    if (!this.again) return;
    this.again = false;
    press(`${this.tab}_generate`);
  }
}

function mark(id) {
  const control = id && byId(id);
  if (!control) return;
  control.classList.add("invalid");
  control.querySelector("input, textarea")?.focus();
}

function clearMarks(tab) {
  for (const control of document.querySelectorAll(`[id^="${tab}_"].invalid`)) control.classList.remove("invalid");
}
