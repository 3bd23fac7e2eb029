"""Prompts with choices: their grammar, and the files of wildcards."""
