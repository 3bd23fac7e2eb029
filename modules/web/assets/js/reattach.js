// After a reload: the running job, or the last one's pictures.

import * as api from "./api.js";
import { byId, memory, press } from "./page.js";

const OVER = ["done", "failed", "interrupted"];

export async function reattach(follower) {
  const { tab } = follower;
  const button = byId(`${tab}_restore_progress`);
  button.addEventListener("click", () => attach(follower, button));
  await attach(follower, button);
}

async function attach(follower, button) {
  let jobs;
  try {
    const { running, queued, recent } = await api.jobs();
    jobs = [...running, ...queued, ...recent].filter((job) => job.kind === follower.tab);
  } catch { return; }
  const mine = memory.get(`${follower.tab}_task_id`);
  const running = jobs.find((job) => !OVER.includes(job.status));
  // One's own job first, others' running one next, else the newest pictures there are.
  const found = jobs.find((job) => job.id === mine) ?? running ?? jobs.find((job) => job.images.length);
  if (!found) return;
  button.classList.toggle("gone", !running);
  if (found.id === mine) {
    follower.gallery.job = found.id;
    press(`${follower.tab}_reopen`);
    follower.gallery.job = null;
  }
  follower.follow(found.id);
}
