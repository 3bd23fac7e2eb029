"""SD upscale: a picture enlarged by an upscaler, then worked over by img2img tile by tile."""

import math

import gradio as gr

from modules import devices, images, processing, scripts, shared


class Script(scripts.Script):
    """Tiles are as large as the tab's width and height; the batch count makes variants with seeds counted on."""

    def title(self):
        return "SD upscale"

    def show(self, is_img2img):
        return is_img2img

    def ui(self, is_img2img):
        info = gr.HTML(
            "<p>Will upscale the image by the selected scale factor; width and height are the size of the tiles</p>"
        )
        overlap = gr.Slider(
            0, 256, value=64, step=16, label="Tile overlap", elem_id=self.elem_id("overlap"), buttons=[]
        )
        scale = gr.Slider(
            1.0, 4.0, value=2.0, step=0.05, label="Scale Factor", elem_id=self.elem_id("scale_factor"), buttons=[]
        )
        names = [upscaler.name for upscaler in shared.sd_upscalers]
        chosen = gr.Radio(names, value=names[0], type="index", label="Upscaler", elem_id=self.elem_id("upscaler_index"))
        return [info, overlap, chosen, scale]

    def run(self, p, _, overlap, upscaler_index, scale_factor):
        upscaler = find(upscaler_index)
        processing.fix_seed(p)
        p.extra_generation_params |= {"SD upscale overlap": overlap, "SD upscale upscaler": upscaler.name}
        seed = p.seed
        picture = images.flatten(p.init_images[0], shared.opts.img2img_background_color)
        if upscaler.name != "None":
            picture = upscaler.scaler.upscale(picture, scale_factor, upscaler.data_path)
        devices.torch_gc()
        grid = images.split_grid(picture, tile_w=p.width, tile_h=p.height, overlap=int(overlap))

        variants, size = p.n_iter, p.batch_size
        p.n_iter = 1
        saving = p.save_samples()
        p.do_not_save_grid = p.do_not_save_samples = True
        work = [tile[2] for row in grid.tiles for tile in row[2]]
        passes = math.ceil(len(work) / size)
        shared.state.job_count = passes * variants
        result, infotext, whole = None, "", []
        for variant in range(variants):
            p.seed = seed + variant
            done = []
            for number in range(passes):
                if shared.state.interrupted or shared.state.stopping_generation:
                    break
                tiles = work[number * size : (number + 1) * size]
                p.batch_size, p.init_images = len(tiles), tiles
                shared.state.textinfo = f"Tiles {number + 1} of {passes}"
                result = processing.process_images(p)
                infotext = infotext or (result.infotexts[0] if result.infotexts else "")
                p.seed = result.all_seeds[0] + 1 if result.images else p.seed
                done += result.images
            if len(done) < len(work):
                break  # interrupted: half a picture is none
            whole.append(self.joined(p, grid, done, infotext, seed + variant, saving))
        return self.result(p, result, infotext, whole)

    @staticmethod
    def joined(p, grid, done, infotext, seed, saving):
        """The tiles as one picture again, saved if pictures are."""
        tiles = iter(done)
        for row in grid.tiles:
            for tile in row[2]:
                tile[2] = next(tiles)
        picture = images.combine_grid(grid)
        if saving:
            told = {"prompt": p.prompt, "info": infotext, "p": p}
            images.save_image(picture, p.outpath_samples, "", seed, **told)
        return picture

    @staticmethod
    def result(p, result, infotext, whole):
        if result is None:
            return processing.Processed(p, [])
        result.infotexts = [infotext] * len(whole)
        result.images = whole
        result.index_of_first_image = 0
        return result


def find(chosen):
    """An upscaler by its number or its name."""
    known = shared.sd_upscalers
    if isinstance(chosen, str):
        found = next((upscaler for upscaler in known if upscaler.name.lower() == chosen.lower()), None)
        if found is None:
            raise ValueError(f"There is no upscaler '{chosen}'.")
        return found
    if not 0 <= int(chosen) < len(known):
        raise ValueError(f"There is no upscaler number {chosen}; they go from 0 to {len(known) - 1}.")
    return known[int(chosen)]
