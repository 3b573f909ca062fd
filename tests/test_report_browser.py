"""Reports in a real browser: nothing sticks out at the width of a phone, nothing fails, nothing is fetched.

The browser is any Chromium on the path; without one these tests are skipped. It makes no window narrower than 500
pixels, so the page is looked at in a frame of the wanted width, through a script that a copy of the page lets run.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.report.page import page
from seqnet.runs.report import gather
from tests.test_report import CLASSIFIER, HOSTILE, REGRESSOR, make, rows

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LONG = "W" * 150
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--enable-logging=stderr",
    "--virtual-time-budget=3000",
    "--window-size=1300,900",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # nor does the browser itself call home
)
PROBE = """<script>
const faults = [];
addEventListener("securitypolicyviolation", event => faults.push(`refused: ${event.blockedURI}`));
addEventListener("error", event => faults.push(`error: ${event.message || event.target.outerHTML}`), true);
addEventListener("load", () => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  const root = document.documentElement, width = root.clientWidth;
  for (const one of document.querySelectorAll("body *")) {
    if (one.closest("svg") || one.parentElement.closest(".scroll, pre")) continue;
    if (one.getBoundingClientRect().right > width + 1) faults.push(`sticks out: ${one.outerHTML.slice(0, 200)}`);
  }
  parent.postMessage({
    width: innerWidth, body: root.scrollWidth - width, faults,
    fetched: performance.getEntriesByType("resource").map(one => one.name),
    ground: getComputedStyle(document.body).backgroundColor,
    letters: Math.min(...[...document.querySelectorAll("svg text")].map(one => one.getBoundingClientRect().height)),
  }, "*");
});
</script>"""
FRAME = """<!DOCTYPE html><body style="margin:0">
<iframe src="page.html" style="border:0;width:{}px;height:800px"></iframe>
<script>addEventListener("message", event => document.body.dataset.found = JSON.stringify(event.data))</script>"""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")]


def looked_at(content: str, width: int, folder: Path, *, dark: bool = False) -> dict[str, Any]:
    """What a browser of that width finds in a page, and what it wrote on its console."""
    policy = "default-src 'none'; "
    probed = content.replace(policy, f"{policy}script-src 'unsafe-inline'; ").replace("<title>", f"{PROBE}<title>", 1)
    assert probed.count(PROBE) == 1 and "script-src 'unsafe-inline'" in probed
    (folder / "page.html").write_text(probed, encoding="utf-8")
    (folder / "frame.html").write_text(FRAME.format(width), encoding="utf-8")
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    profile = f"--user-data-dir={folder / 'profile'}"
    assert BROWSER is not None
    command = [BROWSER, *OPTIONS, *scheme, profile, "--dump-dom", (folder / "frame.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found is not None, done.stderr
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return {**json.loads(html.unescape(found[1])), "console": console}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    x, y = rows(80, 40), np.arange(80) % 4
    names = [HOSTILE[0], HOSTILE[1], LONG, " ".join([LONG[:20]] * 8)]
    table = {
        "x": x,
        "y": y,
        "x_test": x,
        "y_test": y,
        "class_names": np.array(names),
        "feature_names": np.array([f"{LONG[:30]}{i}" for i in range(40)]),
    }
    images = {
        "x": (rows(200, 12, 9, 3) * 40 + 128).astype(np.uint8),
        "y": np.arange(200) % 100,
        "class_names": np.array([f"{LONG[:40]}{i}" for i in range(100)]),
    }
    long_name = 'metrics=[{SparseCategoricalAccuracy: {name: "' + "accuracy_of_the_class_" * 4 + '"}}]'
    flat = CLASSIFIER.replace("model:\n", "model:\n  - Flatten\n").replace("units: 4", "units: 100")
    runs = {
        "table": make(tmp_path_factory.mktemp("table"), CLASSIFIER, long_name, **table),
        "images": make(tmp_path_factory.mktemp("images"), flat, **images),
        "numbers": make(
            tmp_path_factory.mktemp("numbers"), REGRESSOR, "training.epochs=40", x=x, y=x.sum(axis=1) * 1e5
        ),
    }
    return {name: page(gather(run)) for name, run in runs.items()}


@pytest.mark.parametrize("name", ["table", "images", "numbers"])
@pytest.mark.parametrize(("width", "dark"), [(360, False), (1200, True)])
def test_a_page_fits_and_fetches_nothing(
    name: str, width: int, dark: bool, pages: dict[str, str], tmp_path: Path
) -> None:
    found = looked_at(pages[name], width, tmp_path, dark=dark)
    assert found["width"] == width
    assert (found["body"], found["faults"], found["console"], found["fetched"]) == (0, [], [], [])
    assert found["ground"] == ("rgb(15, 20, 25)" if dark else "rgb(255, 255, 255)")  # --page of report.css
    assert found["letters"] >= 10  # pixels


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        ('<p style="width:2000px">wide</p>', "sticks out: <p"),
        ('<img src="https://example.invalid/a.png" alt="a">', "refused: https://example.invalid/a.png"),
    ],
)
def test_these_tests_can_fail(added: str, fault: str, pages: dict[str, str], tmp_path: Path) -> None:
    found = looked_at(pages["numbers"].replace("</main>", f"{added}</main>"), 360, tmp_path)
    assert any(one.startswith(fault) for one in found["faults"]), found
