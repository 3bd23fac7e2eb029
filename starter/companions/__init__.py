"""What ships beside the checkpoint: two small upscalers, and a decoder for previews. `python -m starter.companions`.

`upscaler` is the network and its training, `pairs` the pictures it learns from, `decoder` the preview decoder.
"""
