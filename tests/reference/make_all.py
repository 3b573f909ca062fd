"""Make every family's reference values: `python -m tests.reference.make_all OUTDIR`, with Keras 3 on JAX installed.

Families that need TensorFlow's own semantics are made in a process of their own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# These make files that ship with the project, or pictures of it, from sources other than Keras.
NOT_KERAS = {"make_all", "make_bundled", "make_screenshot"}


def main(folder: str) -> None:
    for script in sorted(Path(__file__).parent.glob("make_*.py")):
        if script.stem not in NOT_KERAS:
            print(script.stem, flush=True)
            subprocess.run([sys.executable, "-m", f"tests.reference.{script.stem}", folder], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
