// Names of buttons that show only an icon: tooltip and what a screen reader says.

import { byId } from "./page.js";

const LABELS = {
  paste: "Read generation parameters from the prompt, or the last picture's if it is empty",
  txt2img_clear_prompt: "Clear both prompts",
  txt2img_restore_progress: "Show the job that is running",
  txt2img_res_switch_btn: "Swap width and height",
  txt2img_random_seed: "Random seed each time (-1)",
  txt2img_reuse_seed: "Seed of the selected picture",
  txt2img_random_subseed: "Random variation seed each time (-1)",
  txt2img_reuse_subseed: "Variation seed of the selected picture",
  txt2img_open_folder: "Open the folder of the pictures",
  save_txt2img: "Save the selected picture to the save folder",
  save_zip_txt2img: "Download all pictures of this job as a zip file",
  txt2img_send_to_txt2img: "Put the selected picture's settings into the controls",
  txt2img_send_to_pnginfo: "Show what the selected picture was made with",
  refresh_sd_model_checkpoint: "Look for new checkpoint files",
  theme_toggle: "Switch between light and dark",
  txt2img_generate: "Generate (Ctrl+Enter)",
  txt2img_interrupt: "Stop and keep what there is (Esc)",
  txt2img_skip: "End this batch and go on with the next (Alt+Enter)",
};

export function label() {
  for (const [id, text] of Object.entries(LABELS)) {
    const found = byId(id);
    const button = found?.matches("button") ? found : found?.querySelector("button");
    if (!button) continue;
    button.title = text;
    if (button.classList.contains("tool")) button.setAttribute("aria-label", text);
  }
  const prompts = { txt2img_prompt: "Prompt", txt2img_neg_prompt: "Negative prompt" };
  for (const [id, text] of Object.entries(prompts)) {
    const box = byId(id)?.querySelector("textarea");
    box?.setAttribute("aria-label", text);
    box?.setAttribute("spellcheck", "false");
  }
}
