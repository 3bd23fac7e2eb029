"""Everything Atelier is made of: the core packages by rank, `boot`, and the names that A1111's extensions import.

`modules.X` is a core package (see docs/developers.md for the ranks) or `boot`. If it is neither, it is an A1111 name
and its file lies in `a1111-facade`, whose README lists them. No core package bears the name of an A1111 module.
"""

__path__.append(f"{__path__[0]}/a1111-facade")
