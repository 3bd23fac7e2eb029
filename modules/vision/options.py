"""Settings of this package: upscaling."""

from __future__ import annotations

from modules.foundation.lenient import Int
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
