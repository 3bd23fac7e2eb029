"""Rank 1: model families: which diffusers and transformers classes make one up, how text is encoded, what the network predicts."""
