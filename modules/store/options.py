"""Settings of saving: which files, where, in which format."""

from __future__ import annotations

from modules.foundation.lenient import Int, Text
from modules.foundation.options import Options, Section, setting


class SavingOptions(Options, section=Section("saving-images", "Saving images/grids", "saving")):
    """What is written for a generation, and its names and formats."""

    samples_save: bool = setting(True, "Always save all generated images")
    samples_format: Text = setting("png", "File format for images", choices=("png", "jpg", "webp"))
    samples_filename_pattern: Text = setting(
        "", "Images filename pattern", note="Empty: [seed] in dated folders, else [seed]-[prompt_spaces]."
    )
    save_images_add_number: bool = setting(True, "Add number to filename when saving")
    save_images_replace_action: Text = setting(
        "Replace", "Saving the image to an existing file", choices=("Replace", "Add number suffix")
    )
    grid_save: bool = setting(True, "Always save all generated image grids")
    grid_format: Text = setting("png", "File format for grids", choices=("png", "jpg", "webp"))
    grid_extended_filename: bool = setting(False, "Add extended info (seed, prompt) to filename when saving grid")
    grid_only_if_multiple: bool = setting(True, "Do not save grids consisting of one picture")
    grid_prevent_empty_spots: bool = setting(False, "Prevent empty spots in grid (when set to autodetect)")
    n_rows: Int = setting(-1, "Grid row count", slider=(-1, 16, 1), note="-1 detects it, 0 makes it the batch size.")
    grid_background_color: Text = setting("#ffffff", "Background color for image grids")
    jpeg_quality: Int = setting(80, "Quality for saved jpeg and webp images", slider=(1, 100, 1))
    webp_lossless: bool = setting(False, "Use lossless compression for webp images")
    use_original_name_batch: bool = setting(
        True, "Use original name for output filename during batch process in extras tab"
    )
    use_upscaler_name_as_suffix: bool = setting(False, "Use upscaler name as filename suffix in the extras tab")
    save_incomplete_images: bool = setting(
        False, "Save interrupted or skipped images", note="Images cut short stay on the page either way."
    )


class PathOptions(Options, section=Section("saving-paths", "Paths for saving", "saving")):
    """Folders pictures are written to. Those that are not absolute lie below the data folder."""

    outdir_samples: Text = setting("", "Output directory for images; if empty, defaults to the directories below")
    outdir_txt2img_samples: Text = setting("outputs/txt2img-images", "Output directory for txt2img images")
    outdir_extras_samples: Text = setting("outputs/extras-images", "Output directory for images from extras tab")
    outdir_grids: Text = setting("", "Output directory for grids; if empty, defaults to the directory below")
    outdir_txt2img_grids: Text = setting("outputs/txt2img-grids", "Output directory for txt2img grids")
    outdir_save: Text = setting("log/images", "Directory for saving images using the Save button")


class FolderOptions(Options, section=Section("saving-to-dirs", "Saving to a directory", "saving")):
    """Sub-folders of the output folders."""

    save_to_dirs: bool = setting(True, "Save images to a subdirectory")
    grid_save_to_dirs: bool = setting(True, "Save grids to a subdirectory")
    directories_filename_pattern: Text = setting("[date]", "Directory name pattern")
    directories_max_prompt_words: Int = setting(8, "Max prompt words for [prompt_words] pattern", slider=(1, 20, 1))


class EmbeddedTextOptions(Options, section=Section("infotext", "Infotext", "ui")):
    """Whether pictures carry the text they can be made again from."""

    enable_pnginfo: bool = setting(True, "Write infotext to metadata of the generated image")
    save_txt: bool = setting(False, "Create a text file with infotext next to every generated image")
