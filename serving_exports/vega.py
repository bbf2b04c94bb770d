"""Vega-Lite as one script for the report, made once from what is installed: no network at any time."""

import os
from importlib.metadata import version
from pathlib import Path

# Draws every chart with the data block beside it. `ast` evaluates expressions by interpreting them: the page's policy
# forbids to make code of text.
DRAW = """\
for (const place of document.querySelectorAll("[data-chart]")) {
  const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  vegaEmbed(place, spec, {mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, config: {
    background: null, font: getComputedStyle(document.body).fontFamily, view: {stroke: null}, aria: false,
    axis: {labelColor: "var(--quiet)", titleColor: "var(--quiet)", gridColor: "var(--line)", domainColor: "var(--quiet)",
           tickColor: "var(--line)", titleFontWeight: "normal", labelFontSize: 11, titleFontSize: 11}}})
    .then(() => place.dataset.drawn = "yes");
}
"""


def script(cache: Path) -> str:
    """The libraries as JavaScript; they name themselves `vegaEmbed`. Bundling takes seconds, so it is done once per version.

    Args:
        cache: a folder of this installation; made on first use.
    """
    file = cache / f"vega-{version('vl-convert-python')}.js"
    if not file.exists():
        import vl_convert  # starts a JavaScript engine

        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = file.with_suffix(f".{os.getpid()}")
        made.write_text(vl_convert.javascript_bundle(), encoding="utf-8")
        made.replace(file)
    return file.read_text(encoding="utf-8")
