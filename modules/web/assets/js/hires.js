// Hires. fix: the line that tells from which size to which, and what has no effect meanwhile.

import { byId } from "./page.js";

/** The size the second pass comes to, by A1111's rules; null where none can be told. */
export function finalSize(width, height, scale, x, y) {
  if (!(width > 0 && height > 0)) return null;
  if (x > 0 && y > 0) {
    const wider = width / height < x / y;
    const up = wider ? [x, Math.floor((x * height) / width)] : [Math.floor((y * width) / height), y];
    return up.map((side, n) => (Math.floor(side / 8) - Math.floor((side - [x, y][n]) / 8)) * 8);
  }
  if (x > 0) return [x, Math.floor((x * height) / width)].map(cells);
  if (y > 0) return [Math.floor((y * width) / height), y].map(cells);
  return [Math.floor(width * scale), Math.floor(height * scale)].map(cells);
}

/** Called by Gradio when one of the values changes: the text beside the box. */
export function hiresSize([enabled, width, height, scale, x, y]) {
  byId("txt2img_hr_scale")?.classList.toggle("without-effect", x > 0 || y > 0);
  const final = enabled ? finalSize(width, height, scale, x, y) : null;
  if (!final) return "";
  return `from <b>${cells(width)}x${cells(height)}</b> to <b>${final.join("x")}</b>`;
}

const cells = (side) => Math.floor(side / 8) * 8;
