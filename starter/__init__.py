"""The starter checkpoint: a small text-to-image model that the project draws the data for, trains and exports itself.

Begin with `draw` (pictures, records, captions), then follow the phases in `__main__` order: `vae`, `text`, `unet`,
`export`, `evaluate`. Everything a phase leaves behind lies in the state folder (see `state`) and every phase resumes.
"""

from modules.foundation import torchvision_ops

torchvision_ops.declare()  # before anything here, in spawned processes too, imports diffusers
