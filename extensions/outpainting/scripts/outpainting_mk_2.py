"""Outpainting mk2: each side extended on its own, beginning with noise that has the picture's textures and colours."""

import gradio as gr
from outpainting_parts.canvas import Sides, darkened
from PIL import Image

from modules import images, masking, processing, scripts, shared

ORIGINAL = 1
"""Masked content: what is there, which is the noise."""
SIDES = ("left", "right", "up", "down")


class Script(scripts.Script):
    """New parts are made in the tab's width and height at most, seen together with the picture beside them."""

    def title(self):
        return "Outpainting mk2"

    def show(self, is_img2img):
        return is_img2img

    def ui(self, is_img2img):
        info = gr.HTML("<p>Recommended settings: Sampling Steps: 80-100, Sampler: Euler a, Denoising strength: 0.8</p>")
        pixels = gr.Slider(
            8, 256, value=128, step=8, label="Pixels to expand", elem_id=self.elem_id("pixels"), buttons=[]
        )
        blur = gr.Slider(0, 64, value=8, step=1, label="Mask blur", elem_id=self.elem_id("mask_blur"), buttons=[])
        direction = gr.CheckboxGroup(
            list(SIDES), value=list(SIDES), label="Outpainting direction", elem_id=self.elem_id("direction")
        )
        noise_q = gr.Slider(
            0,
            4,
            value=1.0,
            step=0.01,
            label="Fall-off exponent (lower=higher detail)",
            elem_id=self.elem_id("noise_q"),
            buttons=[],
        )
        variation = gr.Slider(
            0, 1, value=0.05, step=0.01, label="Color variation", elem_id=self.elem_id("color_variation"), buttons=[]
        )
        return [info, pixels, blur, direction, noise_q, variation]

    def run(self, p, _, pixels, mask_blur, direction, noise_q, color_variation):
        sides = Sides.of(direction, int(pixels), p.init_images[0].size)
        p.mask_blur = None
        p.mask_blur_x = int(mask_blur) * 4 if sides.left or sides.right else 0
        p.mask_blur_y = int(mask_blur) * 4 if sides.up or sides.down else 0
        p.inpaint_full_res = False
        p.inpainting_fill = ORIGINAL
        processing.fix_seed(p)
        saving, saving_grid = p.save_samples(), shared.opts.grid_save and not p.do_not_save_grid
        p.do_not_save_samples = p.do_not_save_grid = True
        batches, p.n_iter = p.n_iter, 1
        size, first = (p.width, p.height), images.flatten(p.init_images[0], shared.opts.img2img_background_color)
        used = [(side, getattr(sides, side)) for side in SIDES if getattr(sides, side) > 0]
        shared.state.job_count = len(used) * batches

        found, result = [], None
        for batch in range(batches):
            pictures = [first] * p.batch_size
            for side, count in used:
                if shared.state.interrupted or shared.state.stopping_generation:
                    break
                shared.state.textinfo = f"Batch {batch + 1} of {batches}: {side}"
                extended = extend(p, pictures, side, count, size, int(mask_blur), noise_q, color_variation)
                if extended is None:
                    break
                pictures, result = extended
            else:
                found += pictures
            p.seed += p.batch_size
        return finished(p, result, found, saving, saving_grid)


def extend(p, pictures, side, count, limit, blur, noise_q, variation):
    """The pictures with `count` pixels more on one side, and what processing said; None if it was interrupted."""
    flat = side in ("left", "right")
    before = side in ("left", "up")
    width, height = pictures[0].size
    whole = (width + count, height) if flat else (width, height + count)
    rounded = tuple((length + 63) // 64 * 64 for length in whole)
    edge = edges(side, rounded, whole, count + blur)
    mask = darkened(rounded, edge)
    noisy = []
    for picture in pictures:
        canvas = Image.new("RGB", rounded)
        canvas.paste(picture, ((count if side == "left" else 0), (count if side == "up" else 0)))
        noisy.append(masking.matched_noise(canvas, mask, noise_q, variation))
    # As much of the picture is seen as the tab's size has room for beside the new part.
    part = (min(limit[0], whole[0]) if flat else rounded[0], rounded[1] if flat else min(limit[1], whole[1]))
    left, top = (0 if before and flat else rounded[0] - part[0]), (0 if before and not flat else rounded[1] - part[1])
    region = (left, top, left + part[0], top + part[1])
    p.width, p.height = part
    p.init_images = [picture.crop(region) for picture in noisy]
    p.image_mask = mask.crop(region)
    p.latent_mask = darkened(part, edges(side, part, whole, count + blur * 2))
    processed = processing.process_images(p)
    if len(processed.images) < len(pictures):
        return None
    made = processed.images[processed.index_of_first_image :]
    for picture, piece in zip(noisy, made, strict=True):
        picture.paste(piece, (left, top))
    return [picture.crop((0, 0, *whole)) for picture in noisy], processed


def edges(side, canvas, whole, inset):
    """The rectangle (left, top, right, bottom) that stays as it is, `inset` pixels from the side that is extended."""
    return (
        inset if side == "left" else 0,
        inset if side == "up" else 0,
        canvas[0] - inset if side == "right" else whole[0],
        canvas[1] - inset if side == "down" else whole[1],
    )


def finished(p, result, found, saving, saving_grid):
    """The extended pictures as a result, saved if pictures are."""
    if result is None or not found:
        return processing.Processed(p, [])
    infotext = result.infotexts[0]
    told = {"prompt": result.all_prompts[0], "info": infotext, "p": p}
    if saving:
        for picture in found:
            images.save_image(picture, p.outpath_samples, "", result.all_seeds[0], **told)
    result.images, result.infotexts, result.index_of_first_image = found, [infotext] * len(found), 0
    if len(found) > 1:
        grid = images.image_grid(found, p.batch_size)
        if saving_grid:
            images.save_image(grid, p.outpath_grids, "grid", result.all_seeds[0], grid=True, **told)
        if shared.opts.return_grid:
            result.images, result.infotexts = [grid, *found], [infotext, *result.infotexts]
            result.index_of_first_image = 1
    return result
