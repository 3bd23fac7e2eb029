"""Rank 1: model families: the classes that make one up, how text is encoded, what the network predicts."""
