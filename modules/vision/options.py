"""Settings of this package: upscaling, faces, captions."""

from __future__ import annotations

from modules.foundation.lenient import Int, Text
from modules.foundation.options import Options, Section, setting

TILE = (0, 512, 16)
OVERLAP = (0, 48, 1)


class UpscalingOptions(Options, section=Section("upscaling", "Upscaling", "postprocessing")):
    """How upscaler files are run. Large pictures go through a network tile by tile."""

    ESRGAN_tile: Int = setting(192, "Tile size for ESRGAN upscalers", slider=TILE, note="0 = no tiling")
    ESRGAN_tile_overlap: Int = setting(
        8, "Tile overlap for ESRGAN upscalers", slider=OVERLAP, note="Low values = visible seam"
    )
    DAT_tile: Int = setting(192, "Tile size for DAT upscalers", slider=TILE, note="0 = no tiling")
    DAT_tile_overlap: Int = setting(
        8, "Tile overlap for DAT upscalers", slider=OVERLAP, note="Low values = visible seam"
    )
    SWIN_tile: Int = setting(192, "Tile size for all SwinIR", slider=(16, 512, 16))
    SWIN_tile_overlap: Int = setting(
        8, "Tile overlap for SwinIR", slider=OVERLAP, note="In pixels. Low values = visible seam"
    )
    SCUNET_tile: Int = setting(256, "Tile size for SCUNET upscalers", slider=(0, 512, 16), note="0 = no tiling")
    SCUNET_tile_overlap: Int = setting(
        8, "Tile overlap for SCUNET upscalers", slider=(0, 64, 1), note="Low values = visible seam"
    )
    upscaler_for_img2img: str | None = setting(
        None, "Upscaler for img2img", choices="upscalers", note="Used where a picture is made larger; None is Lanczos."
    )
    set_scale_by_when_changing_upscaler: bool = setting(
        False, "Automatically set the Scale by factor based on the name of the selected Upscaler"
    )


class FaceOptions(Options, section=Section("face-restoration", "Face restoration", "postprocessing")):
    """Whether and how faces are restored in generated pictures."""

    face_restoration: bool = setting(False, "Restore faces", note="Will use a third-party model on generation result.")
    face_restoration_model: Text = setting(
        "CodeFormer", "Face restoration model", choices=("CodeFormer", "GFPGAN"), infotext="Face restoration"
    )
    code_former_weight: float = setting(
        0.5, "CodeFormer weight", slider=(0.0, 1.0, 0.01), note="0 = maximum effect; 1 = minimum effect"
    )
    face_restoration_unload: bool = setting(False, "Move face restoration model from VRAM into RAM after processing")


class InterrogateOptions(Options, section=Section("interrogate", "Interrogate")):
    """How pictures are described."""

    interrogate_keep_models_in_memory: bool = setting(False, "Keep models in VRAM")
    interrogate_return_ranks: bool = setting(False, "Include ranks of model tags matches in results.")
    interrogate_clip_num_beams: Int = setting(1, "BLIP: num_beams", slider=(1, 16, 1))
    interrogate_clip_min_length: Int = setting(24, "BLIP: minimum description length", slider=(1, 128, 1))
    interrogate_clip_max_length: Int = setting(48, "BLIP: maximum description length", slider=(1, 256, 1))
    interrogate_clip_dict_limit: Int = setting(1500, "CLIP: maximum number of lines in text file", note="0 = No limit")
    interrogate_clip_skip_categories: tuple[str, ...] = setting(
        (), "CLIP: skip inquire categories", choices="interrogate categories"
    )
    interrogate_deepbooru_score_threshold: float = setting(0.5, "deepbooru: score threshold", slider=(0.0, 1.0, 0.01))
    deepbooru_sort_alpha: bool = setting(True, "deepbooru: sort tags alphabetically", note="If not: sort by score")
    deepbooru_use_spaces: bool = setting(True, "deepbooru: use spaces in tags", note="If not: use underscores")
    deepbooru_escape: bool = setting(
        True, "deepbooru: escape (\\) brackets", note="So they are used as literal brackets and not for emphasis"
    )
    deepbooru_filter_tags: Text = setting("", "deepbooru: filter out those tags", note="Separate using comma")
