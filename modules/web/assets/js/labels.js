// Names of buttons that show only an icon: tooltip and what a screen reader says.

import { byId } from "./page.js";

const COMMON = {
  refresh_sd_model_checkpoint: "Look for new checkpoint files",
  hr_checkpoint_refresh: "Look for new checkpoint files",
  theme_toggle: "Switch between light and dark",
};

const OF_A_TAB = (tab) => ({
  [tab === "txt2img" ? "paste" : `${tab}_paste`]: "Read generation parameters from the prompt, or the last picture's if it is empty",
  [`${tab}_clear_prompt`]: "Clear both prompts",
  [`${tab}_style_apply`]: "Write the chosen styles into the prompts",
  [`${tab}_styles_edit_button`]: "Edit styles",
  [`${tab}_restore_progress`]: "Show the job that is running",
  [`${tab}_res_switch_btn`]: "Swap width and height",
  [`${tab}_random_seed`]: "Random seed each time (-1)",
  [`${tab}_reuse_seed`]: "Seed of the selected picture",
  [`${tab}_random_subseed`]: "Random variation seed each time (-1)",
  [`${tab}_reuse_subseed`]: "Variation seed of the selected picture",
  [`${tab}_open_folder`]: "Open the folder of the pictures",
  [`save_${tab}`]: "Save the selected picture to the save folder",
  [`save_zip_${tab}`]: "Download all pictures of this job as a zip file",
  [`${tab}_send_to_txt2img`]: "Put the selected picture's settings into txt2img",
  [`${tab}_send_to_img2img`]: "Send the selected picture to img2img",
  [`${tab}_send_to_inpaint`]: "Send the selected picture to inpaint",
  [`${tab}_send_to_extras`]: "Send the selected picture to Extras",
  [`${tab}_send_to_pnginfo`]: "Show what the selected picture was made with",
  [`${tab}_upscale`]: "Hires. fix: enlarge the selected picture with the present settings",
  [`${tab}_checkpoint_refresh`]: "Look for new checkpoint files",
  [`${tab}_generate`]: "Generate (Ctrl+Enter)",
  [`${tab}_interrupt`]: "Stop and keep what there is (Esc)",
  [`${tab}_skip`]: "End this batch and go on with the next (Alt+Enter)",
});

export const labelPage = () => name(COMMON);

export function labelTab(tab) {
  name(OF_A_TAB(tab));
  const prompts = { [`${tab}_prompt`]: "Prompt", [`${tab}_neg_prompt`]: "Negative prompt" };
  for (const [id, text] of Object.entries(prompts)) {
    const box = byId(id)?.querySelector("textarea");
    box?.setAttribute("aria-label", text);
    box?.setAttribute("spellcheck", "false");
  }
}

/** Give buttons their tooltips by id, and those with an icon only their spoken names. */
export function name(labels) {
  for (const [id, text] of Object.entries(labels)) {
    const found = byId(id);
    const button = found?.matches("button") ? found : found?.querySelector("button");
    if (!button) continue;
    button.title = text;
    if (button.classList.contains("tool")) button.setAttribute("aria-label", text);
  }
}
