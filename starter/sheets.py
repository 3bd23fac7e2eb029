"""Contact sheets: pictures side by side, and the fixed sixty prompts that the documentation shows."""

from pathlib import Path

import torch
from PIL import Image

from starter.export import FILE

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "starter.png"

SIXTY = (
    "a red circle on a blue background",
    "a yellow star on a black background",
    "a green ring on a white background",
    "a purple diamond on a yellow background",
    "a pink heart on a cyan background",
    "an orange cross on a gray background",
    "a white square on a brown background",
    "a blue triangle on a pink background",
    "a brown heart on a white background",
    "a cyan star on a purple background",
    "a red car on a white background",
    "a blue house on a yellow background",
    "an orange cat on a cyan background",
    "a yellow happy face on a blue background",
    "a purple fish on a white background",
    "a green tree on a pink background",
    "a red mushroom on a green background",
    "a pink flower on a black background",
    "a white boat on a blue background",
    "a red apple on a white background",
    "a blue cup on an orange background",
    "a purple umbrella on a gray background",
    "a red rocket on a black background",
    "a green sad face on a white background",
    "two red circles on a white background",
    "three green hearts on a white background",
    "four yellow stars on a blue background",
    "three blue squares on a pink background",
    "two orange cats on a white background",
    "a small red circle on the left, white background",
    "a small blue star at the top, yellow background",
    "a small green square on the right, black background",
    "a small pink heart at the bottom, gray background",
    "a red circle left of a blue square on a white background",
    "a yellow star above a green circle on a black background",
    "a purple heart to the right of an orange cross on a gray background",
    "a red apple left of a yellow cup on a blue background",
    "a meadow during the day with the sun",
    "the sea at sunset with the sun",
    "a snowy landscape at night with a moon",
    "a desert at night with stars",
    "a city at night",
    "a forest during the day in the rain",
    "the sky with clouds",
    "a red car in the snow",
    "a yellow boat on the sea at sunset",
    "a white cat in the city at night",
    "a red house on the grass",
    "a purple balloon in the sky",
    "an orange rocket in the sky at night with stars",
    "a red heart on a white background, pixel art",
    "a purple house on a yellow background, watercolor",
    "a cat, line drawing",
    "an orange fish on a blue background, oil painting",
    "a rocket, blueprint",
    "silhouette of a tree on an orange background",
    "a green car on a white background, pastel drawing",
    "the sea at sunset, watercolor",
    "a red star on a blue background, blurry",
    "red and blue stripes",
)


def sheet(images: list[Image.Image], columns: int) -> Image.Image:
    """A contact sheet."""
    width, height = images[0].size
    out = Image.new("RGB", (columns * width, -(-len(images) // columns) * height))
    for i, image in enumerate(images):
        out.paste(image, (i % columns * width, i // columns * height))
    return out


def contact_sheet(to: Path, file: Path = FILE) -> None:
    """The first picture, seed 1, of each of the sixty prompts, none left out."""
    from starter.engine import engine

    torch.set_num_threads(1)
    with engine(file) as studio:
        sheet([studio.pictures(prompt, 1)[0] for prompt in SIXTY], 10).save(to)
