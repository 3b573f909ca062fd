"""Scripts as newcomers to Keras write them, with nothing but the imports changed.

Every script runs as it is under Keras 3.15 on JAX too, its asserts included, where the data sets of the same names
are put into keras.datasets.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.file_server import fill_cache

SCRIPTS = sorted((Path(__file__).parent / "keras_scripts").glob("*.py"))


def translated(text: str) -> str:
    """The script with its imports changed."""
    text = re.sub(r"^import keras$", "import seqnet as keras", text, flags=re.MULTILINE)
    return re.sub(r"^from keras\b", "from seqnet", text, flags=re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = translated(script.read_text(encoding="utf-8"))
    assert "seqnet" in text and "assert" in text
    monkeypatch.chdir(tmp_path)
    fill_cache(tmp_path / "home", monkeypatch)
    exec(compile(text, str(script), "exec"), {"__name__": "__main__"})
