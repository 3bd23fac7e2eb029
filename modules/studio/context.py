"""Studio: everything that lives while the program runs, built once by boot. Imports no torch."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modules.networks.embedding import Embeddings
from modules.store.cards import Cards
from modules.store.inputs import Inputs
from modules.store.styles import Styles
from modules.studio.upscale_cache import UpscaleCache
from modules.vision.describe import Describer
from modules.vision.faces import FaceRestorers
from modules.vision.upscale import Upscalers

if TYPE_CHECKING:
    from modules.engine.residency import Residency
    from modules.foundation.flags import Flags
    from modules.foundation.paths import Paths
    from modules.foundation.settings import Settings
    from modules.jobs.queue import Queue
    from modules.store.catalog import Catalog
    from modules.store.history import History
    from modules.store.outputs import Outputs
    from modules.studio.preview import Previews


@dataclass(frozen=True, slots=True, eq=False)
class Studio:
    """What a user can use. `ready` is set once the heavy libraries are loaded and jobs are taken."""

    paths: Paths
    flags: Flags
    settings: Settings
    catalog: Catalog
    models: Residency
    jobs: Queue
    outputs: Outputs
    history: History
    previews: Previews
    upscalers: Upscalers = field(default_factory=Upscalers)
    upscaled: UpscaleCache = field(default_factory=UpscaleCache)
    faces: FaceRestorers = field(default_factory=FaceRestorers)
    describer: Describer = field(default_factory=Describer)
    styles: Styles = field(default_factory=Styles)
    embeddings: Embeddings = field(default_factory=Embeddings)
    cards: Cards = field(default_factory=lambda: Cards({}))
    ready: threading.Event = field(default_factory=threading.Event)

    @property
    def inputs(self) -> Inputs:
        """Pictures that requests start from."""
        return Inputs(self.paths.inputs)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should be told of this start: a damaged history, settings that did not fit."""
        dropped = (
            f"The setting '{key}' in {self.paths.config.name} did not fit and has its default again."
            for key in self.settings.dropped
        )
        return (*self.history.notices, *dropped)
