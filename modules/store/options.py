"""Settings of saving: which files, where, in which format."""

from __future__ import annotations

from modules.foundation.lenient import Int, Text
from modules.foundation.options import Options, Section, setting

FORMATS = ("png", "jpg", "webp", "avif", "gif")
"""Those that carry an infotext; others can be typed in config.json."""


class SavingOptions(Options, section=Section("saving-images", "Saving images/grids", "saving")):
    """What is written for a generation, and its names and formats."""

    samples_save: bool = setting(True, "Always save all generated images")
    samples_format: Text = setting("png", "File format for images", choices=FORMATS)
    samples_filename_pattern: Text = setting(
        "", "Images filename pattern", note="Empty: [seed] in dated folders, else [seed]-[prompt_spaces]."
    )
    save_images_add_number: bool = setting(True, "Add number to filename when saving")
    save_images_replace_action: Text = setting(
        "Replace", "Saving the image to an existing file", choices=("Replace", "Add number suffix")
    )
    grid_save: bool = setting(True, "Always save all generated image grids")
    grid_format: Text = setting("png", "File format for grids", choices=FORMATS)
    grid_extended_filename: bool = setting(False, "Add extended info (seed, prompt) to filename when saving grid")
    grid_only_if_multiple: bool = setting(True, "Do not save grids consisting of one picture")
    grid_prevent_empty_spots: bool = setting(False, "Prevent empty spots in grid (when set to autodetect)")
    n_rows: Int = setting(-1, "Grid row count", slider=(-1, 16, 1), note="-1 detects it, 0 makes it the batch size.")
    font: Text = setting("", "Font for image grids that have text", note="A file; empty for one of the system's.")
    grid_text_active_color: Text = setting("#000000", "Text color for image grids")
    grid_text_inactive_color: Text = setting("#999999", "Inactive text color for image grids")
    grid_background_color: Text = setting("#ffffff", "Background color for image grids")
    grid_zip_filename_pattern: Text = setting(
        "", "Archive filename pattern", note="Empty: [datetime]_[[model_name]]_[seed]-[seed_last]."
    )
    img_max_size_mp: Int = setting(200, "Maximum grid size", note="In megapixels; larger grids are not made.")
    jpeg_quality: Int = setting(80, "Quality for saved jpeg, webp and avif images", slider=(1, 100, 1))
    webp_lossless: bool = setting(False, "Use lossless compression for webp images")
    export_for_4chan: bool = setting(
        True, "Save a smaller JPEG beside large images", note="For sites that take no larger ones."
    )
    img_downscale_threshold: float = setting(4.0, "File size limit for the above option, MB")
    target_side_length: float = setting(4000, "Width/height limit for the above option, in pixels")
    save_selected_only: bool = setting(True, 'When using the "Save" button, only save a single selected image')
    save_write_log_csv: bool = setting(True, 'Write log.csv when saving images using the "Save" button')
    use_original_name_batch: bool = setting(
        True, "Use original name for output filename during batch process in extras tab"
    )
    use_upscaler_name_as_suffix: bool = setting(False, "Use upscaler name as filename suffix in the extras tab")
    save_mask: bool = setting(False, "For inpainting, save a copy of the greyscale mask")
    save_mask_composite: bool = setting(False, "For inpainting, save a masked composite")
    save_images_before_face_restoration: bool = setting(False, "Save a copy of image before doing face restoration.")
    save_images_before_highres_fix: bool = setting(False, "Save a copy of image before applying highres fix")
    save_images_before_color_correction: bool = setting(
        False, "Save a copy of image before applying color correction to img2img results"
    )
    save_init_img: bool = setting(False, "Save init images when using img2img")
    save_incomplete_images: bool = setting(
        False, "Save interrupted or skipped images", note="Images cut short stay on the page either way."
    )


class PathOptions(Options, section=Section("saving-paths", "Paths for saving", "saving")):
    """Folders pictures are written to. Those that are not absolute lie below the data folder."""

    outdir_samples: Text = setting("", "Output directory for images; if empty, defaults to the directories below")
    outdir_txt2img_samples: Text = setting("outputs/txt2img-images", "Output directory for txt2img images")
    outdir_extras_samples: Text = setting("outputs/extras-images", "Output directory for images from extras tab")
    outdir_img2img_samples: Text = setting("outputs/img2img-images", "Output directory for img2img images")
    outdir_init_images: Text = setting("outputs/init-images", "Directory for saving init images when using img2img")
    outdir_grids: Text = setting("", "Output directory for grids; if empty, defaults to the directory below")
    outdir_txt2img_grids: Text = setting("outputs/txt2img-grids", "Output directory for txt2img grids")
    outdir_img2img_grids: Text = setting("outputs/img2img-grids", "Output directory for img2img grids")
    outdir_save: Text = setting("log/images", "Directory for saving images using the Save button")


class FolderOptions(Options, section=Section("saving-to-dirs", "Saving to a directory", "saving")):
    """Sub-folders of the output folders."""

    save_to_dirs: bool = setting(True, "Save images to a subdirectory")
    grid_save_to_dirs: bool = setting(True, "Save grids to a subdirectory")
    use_save_to_dirs_for_ui: bool = setting(False, 'When using "Save" button, save images to a subdirectory')
    directories_filename_pattern: Text = setting("[date]", "Directory name pattern")
    directories_max_prompt_words: Int = setting(8, "Max prompt words for [prompt_words] pattern", slider=(1, 20, 1))


class EmbeddedTextOptions(Options, section=Section("infotext", "Infotext", "ui")):
    """Whether pictures carry the text they can be made again from."""

    enable_pnginfo: bool = setting(True, "Write infotext to metadata of the generated image")
    save_txt: bool = setting(False, "Create a text file with infotext next to every generated image")
