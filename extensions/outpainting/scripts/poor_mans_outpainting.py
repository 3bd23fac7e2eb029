"""Poor man's outpainting: the picture on a larger canvas, whose border is inpainted tile by tile."""

import gradio as gr
from outpainting_parts.canvas import Sides, darkened
from PIL import Image

from modules import images, processing, scripts, shared

FILLS = ("fill", "original", "latent noise", "latent nothing")
SIDES = ("left", "right", "up", "down")


class Script(scripts.Script):
    """Tiles are as large as the tab's width and height and overlap by the number of pixels."""

    def title(self):
        return "Poor man's outpainting"

    def show(self, is_img2img):
        return is_img2img

    def ui(self, is_img2img):
        pixels = gr.Slider(
            8, 256, value=128, step=8, label="Pixels to expand", elem_id=self.elem_id("pixels"), buttons=[]
        )
        blur = gr.Slider(0, 64, value=4, step=1, label="Mask blur", elem_id=self.elem_id("mask_blur"), buttons=[])
        fill = gr.Radio(
            list(FILLS), value="fill", type="index", label="Masked content", elem_id=self.elem_id("inpainting_fill")
        )
        direction = gr.CheckboxGroup(
            list(SIDES), value=list(SIDES), label="Outpainting direction", elem_id=self.elem_id("direction")
        )
        return [pixels, blur, fill, direction]

    def run(self, p, pixels, mask_blur, inpainting_fill, direction):
        pixels, blur = int(pixels), int(mask_blur)
        first = images.flatten(p.init_images[0], shared.opts.img2img_background_color)
        sides = Sides.of(direction, pixels, first.size)
        p.mask_blur = p.mask_blur_x = p.mask_blur_y = blur * 2
        p.inpainting_fill = FILLS.index(inpainting_fill) if inpainting_fill in FILLS else int(inpainting_fill)
        p.inpaint_full_res = False
        canvas = Image.new("RGB", (sides.width, sides.height))
        canvas.paste(first, (sides.left, sides.up))
        masks = [darkened(canvas.size, kept(sides, canvas.size, inset)) for inset in (blur * 2, blur // 2)]
        grid, *grids = (images.split_grid(each, p.width, p.height, pixels) for each in (canvas, *masks))

        processing.fix_seed(p)
        p.n_iter = p.batch_size = 1
        saving = p.save_samples()
        p.do_not_save_grid = p.do_not_save_samples = True
        work = [place for place in places(grid) if touches(grid, place, sides, canvas.size)]
        shared.state.job_count = len(work)
        result, seed, infotext = None, p.seed, ""
        for number, (row, column) in enumerate(work):
            if shared.state.interrupted or shared.state.stopping_generation:
                break
            shared.state.textinfo = f"Tile {number + 1} of {len(work)}"
            tile = grid.tiles[row][2][column]
            p.init_images = [tile[2]]
            p.image_mask, p.latent_mask = (each.tiles[row][2][column][2] for each in grids)
            processed = processing.process_images(p)
            if not processed.images:
                break
            result, infotext = processed, infotext or processed.infotexts[0]
            p.seed = processed.seed + 1
            tile[2] = processed.images[0]
        else:
            number = len(work)
        if result is None or number < len(work):
            return processing.Processed(p, [])  # interrupted: half a border is none
        picture = images.combine_grid(grid)
        if saving:
            images.save_image(picture, p.outpath_samples, "", seed, p.prompt, info=infotext, p=p)
        result.images, result.infotexts, result.index_of_first_image = [picture], [infotext], 0
        return result


def kept(sides, size, inset):
    """The rectangle of the canvas that stays, `inset` pixels inside of the picture where a side is extended."""
    return (
        sides.left + (inset if sides.left else 0),
        sides.up + (inset if sides.up else 0),
        size[0] - sides.right - (inset if sides.right else 0),
        size[1] - sides.down - (inset if sides.down else 0),
    )


def places(grid):
    """(row, column) of every tile."""
    return [(row, column) for row, line in enumerate(grid.tiles) for column in range(len(line[2]))]


def touches(grid, place, sides, size):
    """Whether a tile reaches beyond the picture."""
    top, height, line = grid.tiles[place[0]]
    left, width, _ = line[place[1]]
    inside = left >= sides.left and left + width <= size[0] - sides.right
    return not (inside and top >= sides.up and top + height <= size[1] - sides.down)
