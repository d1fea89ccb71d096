"""Loads a page in a headless Chromium, and tells what it shows and what it complains about."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

NO_BROWSER = "there is no chromium on the path (Debian: apt-get install chromium)"

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # whatever a page asks for, it does not get
    "--enable-logging=stderr",
    "--virtual-time-budget=2000",
)

_PROBE = """<script>
window.addEventListener("load", () => {
  const cells = {};
  for (const row of document.querySelectorAll(".map tbody tr")) {
    const box = row.querySelector("svg").getBoundingClientRect();
    const states = {};
    for (const path of row.querySelectorAll("svg path:not(.resumed)")) {
      const count = path.getAttribute("d").match(/M/g).length, drawn = path.getBoundingClientRect();
      states[path.getAttribute("class")] = [count, (drawn.left - box.left) / box.width, drawn.right <= box.right + 1];
    }
    cells[row.querySelector("th").textContent] = states;
  }
  const root = document.documentElement;
  const requests = performance.getEntriesByType("resource").map((entry) => entry.name);
  parent.postMessage(JSON.stringify({ cells, requests, overflow: root.scrollWidth - root.clientWidth }), "*");
});
</script>"""

_FRAME = """<!doctype html><link rel="icon" href="data:,"><script>
window.addEventListener("message", (event) => { document.documentElement.dataset.seen = event.data; });
</script><iframe src="page.html" style="width:WIDTHpx;height:800px;border:0"></iframe>"""


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page.

    Attributes:
        cells: metric -> class of the cells -> how many, where the first begins (0 to 1), whether the last one fits.
        overflow: by how many pixels the page is wider than its window.
        requests: what it asked for beside itself.
        complaints: what stands on the console.
    """

    cells: dict[str, dict[str, Any]]
    overflow: int
    requests: list[str]
    complaints: list[str]


def look(page: str, width: int = 1280) -> Seen:
    """Loads a page in a window of so many pixels."""
    if CHROMIUM is None:
        raise RuntimeError(NO_BROWSER)
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "page.html").write_text(page.replace("</body>", f"{_PROBE}</body>"), encoding="utf-8")
        (Path(directory) / "frame.html").write_text(_FRAME.replace("WIDTH", str(width)), encoding="utf-8")
        done = subprocess.run(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={directory}/profile", "--dump-dom", f"file://{directory}/frame.html"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    found = re.search(r'data-seen="([^"]*)"', done.stdout)
    seen = json.loads(html.unescape(found[1])) if found else {"cells": {}, "overflow": 0, "requests": []}
    complaints = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return Seen(seen["cells"], seen["overflow"], seen["requests"], complaints)
