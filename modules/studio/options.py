"""Settings of what a user sees of a generation while it runs and when it is done."""

from __future__ import annotations

from modules.foundation.lenient import Int, Text
from modules.foundation.options import Options, Section, setting


class PreviewOptions(Options, section=Section("ui", "Live previews", "ui")):
    """Pictures of the forming image. They are decoded when somebody looks, so they cost a run nothing."""

    live_previews_enable: bool = setting(True, "Show live previews of the created image")
    live_previews_image_format: Text = setting("jpeg", "Live preview file format", choices=("jpeg", "png", "webp"))
    show_progress_grid: bool = setting(True, "Show previews of all images generated in a batch as a grid")
    show_progress_type: Text = setting(
        "Approx cheap",
        "Live preview method",
        choices=("Approx cheap", "TAESD"),
        note="TAESD shows the picture in full size where models/VAE-taesd has a decoder for the checkpoint.",
    )
    show_progress_every_n_steps: Int = setting(
        1, "Live preview display period", slider=(-1, 32, 1), note="In sampling steps; -1 only when a batch is done."
    )


class ResultOptions(Options, section=Section("ui_gallery", "Gallery", "ui")):
    """What a finished generation shows."""

    return_grid: bool = setting(True, "Show grid in gallery")


class BatchOptions(Options, section=Section("img2img", "img2img", "sd")):
    """What a batch of img2img shows."""

    img2img_batch_show_results_limit: Int = setting(
        32, "Show the first N batch img2img results in UI", slider=(-1, 1000, 1), note="-1 shows all of them."
    )


class PostprocessingOptions(Options, section=Section("postprocessing", "Postprocessing", "postprocessing")):
    """The operations of the Extras tab."""

    postprocessing_disable_in_extras: tuple[str, ...] = setting(
        (), "Disable postprocessing operations in extras tab", choices="operations", restart=True
    )
    postprocessing_operation_order: tuple[str, ...] = setting(
        (), "Postprocessing operation order", choices="operations", note="Those not named follow in their usual order."
    )
    upscaling_max_images_in_cache: Int = setting(
        5,
        "Maximum number of images in upscaling cache",
        slider=(0, 10, 1),
        note="Makes a second try with the same upscaler fast.",
    )
    postprocessing_existing_caption_action: Text = setting(
        "Ignore",
        "Action for existing captions",
        choices=("Ignore", "Keep", "Prepend", "Append"),
        note="When generating captions with postprocessing; Ignore = use the generated one only; "
        "Keep = use the existing one; Prepend/Append = combine both.",
    )
