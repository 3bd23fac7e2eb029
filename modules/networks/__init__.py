"""Networks as patches on a model's parts: the LoRA family, hypernetworks, embeddings. Start with `patch.ensure`."""
