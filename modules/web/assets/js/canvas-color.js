// Colours as numbers and as text.

import { settings } from "./page.js";

/** "#rrggbb" as [r, g, b]. */
export const rgb = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
export const hex = (color) => `#${color.map((value) => value.toString(16).padStart(2, "0")).join("")}`;

/** What a mask is shown in. */
export function maskColor(mode) {
  const color = mode.startsWith("inpaint") ? settings.img2img_inpaint_mask_brush_color : null;
  return rgb(/^#[0-9a-f]{6}$/i.test(color ?? "") ? color : "#ffffff");
}
