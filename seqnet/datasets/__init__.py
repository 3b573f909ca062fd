"""The catalogue, as Keras spells it: `seqnet.datasets.iris.load_data()`, `from seqnet.datasets import moons`.

Every name is looked up when it is first asked for, so importing this package reads no data and no other module.
"""

from __future__ import annotations

import pkgutil
from typing import Any


def _catalogue() -> dict[str, Any]:
    from seqnet.registry import components

    return {cls.spec_name: cls for cls in components("dataset")}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(_catalogue())
    # Tools probe modules for __wrapped__ and the like, and `from seqnet.datasets import splits` asks here before it
    # imports the submodule: neither must import the catalogue.
    if name.startswith("__") or name in {module.name for module in pkgutil.iter_modules(__path__)}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    entries = _catalogue()
    if name in entries:
        return entries[name]
    from seqnet.errors import suggestion

    raise AttributeError(f"seqnet.datasets has no data set {name!r}; {suggestion(name, entries, limit=40)}", name=name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_catalogue()})
