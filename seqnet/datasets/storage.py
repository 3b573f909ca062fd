"""Where seqnet keeps what it made or fetched once: decoded images, unpacked arrays."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def home() -> Path:
    """SEQNET_HOME, else the folder for such things on this system: ~/.cache/seqnet, ~/Library/Caches/seqnet, or
    %LOCALAPPDATA%\\seqnet."""
    given = os.environ.get("SEQNET_HOME")
    if given:
        return Path(given).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "seqnet"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "seqnet"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqnet"
