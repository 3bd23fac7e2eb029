// A chosen checkpoint is loaded at once; what goes wrong is said here and not only at the next picture.

import * as api from "./api.js";
import { ended } from "./follow.js";
import { byId } from "./page.js";
import { failed } from "./toast.js";

/** Wait for the job that loads a checkpoint. */
export async function followLoading(id) {
  const box = byId("setting_sd_model_checkpoint");
  box.classList.add("loading");
  try {
    let job;
    do {
      await new Promise((resolve) => setTimeout(resolve, 400));
      job = await api.job(id);
    } while (!ended(job));
    if (job.status === "failed") failed(job.error);
  } catch {
    // The studio does not answer; the next picture will tell.
  } finally {
    box.classList.remove("loading");
    document.dispatchEvent(new Event("checkpoint"));
  }
}
