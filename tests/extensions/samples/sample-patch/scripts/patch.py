"""Puts a function of its own in the place of `processing.process_images_inner`."""

from modules import processing

original = processing.process_images_inner


def patched(p, *args):
    if "twice" in str(p.prompt):
        p.extra_generation_params["Patched"] = "yes"
    return original(p, *args)


processing.process_images_inner = patched
