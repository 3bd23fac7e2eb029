"""Everything Atelier is made of: the core packages by rank, and `boot`, which wires them.

`modules.X` is a core package (see docs/developers.md for the ranks) or `boot`; no core package
bears the name of an A1111 module, so that those names stay free for extensions.
"""
