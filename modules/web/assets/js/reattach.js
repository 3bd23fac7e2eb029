// After a reload: the running job, or the last one's pictures.

import * as api from "./api.js";
import { ended } from "./follow.js";
import { byId, memory, press } from "./page.js";

/** The tab a job belongs to: the one in its id, else the one called like its kind. */
const tabOf = (job) => /^task\((\w+)-/.exec(job.id)?.[1] ?? job.kind;

export async function reattach(follower) {
  const { tab } = follower;
  const button = byId(`${tab}_restore_progress`);
  button.addEventListener("click", () => attach(follower, button));
  await attach(follower, button);
}

async function attach(follower, button) {
  const { tab } = follower;
  const mine = memory.get(`${tab}_task_id`);
  let jobs;
  try {
    const { running, queued, recent } = await api.jobs();
    jobs = [...running, ...queued, ...recent].filter((job) => job.id === mine || tabOf(job) === tab);
    // The studio was started anew since: older jobs are in its history.
    if (mine && !jobs.some((job) => job.id === mine)) jobs.push(await api.job(mine));
  } catch (error) {
    if (error.status !== 404) return;
    memory.remove(`${tab}_task_id`);
  }
  const running = jobs.find((job) => !ended(job));
  button.classList.toggle("gone", !running);
  // One's own job first, then one that runs, then the newest pictures there are.
  const found = jobs.find((job) => job.id === mine) ?? running ?? jobs.find((job) => job.images.length);
  if (!found) return;
  if (ended(found)) follower.recall(found);
  else follower.follow(found.id);
  if (found.id === mine) press(`${tab}_reopen`);
}
