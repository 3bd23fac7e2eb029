"""The exception tree. Whatever Atelier raises on purpose is one of these.

    AtelierError
    ├── UserError            the request cannot be done as asked; the message says what to change
    │   ├── NotFound         a named thing (checkpoint, sampler, file) does not exist
    │   ├── BadFile          a file is damaged or is not what its place or name says
    │   │   └── UnsafeFile   a file would run code if it were loaded
    │   └── OutOfMemory      the device has no room for what was asked
    ├── NotReady             the studio is still starting; ask again in a moment
    └── Interrupted          the user stopped the run; not a failure

A message names the thing, what was expected and what to do.
"""

from __future__ import annotations


class AtelierError(Exception):
    """Base of everything raised on purpose."""


class UserError(AtelierError):
    """The request cannot be done as asked. Shown to the user word for word."""


class NotFound(UserError):
    """A thing asked for by name does not exist."""


class BadFile(UserError):
    """A file is damaged or is not what its place or name says."""


class UnsafeFile(BadFile):
    """A file was refused because loading it would run code from it."""


class OutOfMemory(UserError):
    """The device has no room for what was asked."""


class NotReady(AtelierError):
    """The studio is still starting."""


class Interrupted(AtelierError):
    """The user interrupted or skipped. Carries no message of its own."""
