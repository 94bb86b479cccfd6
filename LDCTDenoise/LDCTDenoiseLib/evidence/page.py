"""The page of a report: what all its sections are built of."""

import base64
import html
import io
import math

from ..hounsfield import PAPER
from ..methods import colours_of
from ..requirements import require
from .findings import QUANTITIES, Finding
from .phantoms import BEFORE
from .result import FULL, LOW, Evidence
from .words import methods_of

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:1120px;margin:2em auto;padding:0 1em;color:#1a1a1a;background:#fff}
h1{font-size:1.7em;margin-bottom:.2em} h2{margin-top:2em;border-bottom:2px solid #ddd} h3{margin-bottom:.3em}
table{border-collapse:collapse;margin:.6em 0 1em;font-variant-numeric:tabular-nums}
th,td{border:1px solid #ccc;padding:.25em .6em;text-align:right;white-space:nowrap}
th{background:#f3f3f3;white-space:normal;max-width:8.5em} th:first-child,td:first-child{text-align:left}
td small{color:#555;display:block} figure{margin:1em 0} figure img,figure svg{max-width:100%;height:auto}
figcaption,.how{color:#444;font-size:.92em;max-width:60em}
ul.said{list-style:none;padding:0} ul.said li{border-left:8px solid #999;padding:.25em .8em;margin:.35em 0}
ul.said li.good{border-color:#2a8f4f} ul.said li.bad{border-color:#c0392b} ul.said li.plain{border-color:#d39a2d}
ul.said li b{font-size:.8em;text-transform:uppercase;margin-right:.5em}
td.green{background:#bfe5c8} td.amber{background:#fbe0a6} td.red{background:#f4b8b0}
.scroll{overflow-x:auto} .note{background:#fff7df;border:1px solid #e3cf8f;padding:.5em .9em}
summary{cursor:pointer;color:#0b57a4;margin:.4em 0} dt{font-weight:600;margin-top:.6em} dd{margin-left:1.2em}
"""


def number(finding: Finding | None, interval: bool = True, pixel: float | None = None) -> str:
    """Return a value as HTML, with its interval."""
    if finding is None:
        return "–"
    digits = QUANTITIES[finding.quantity].digits
    if not math.isfinite(finding.value):
        return f"&gt; {0.5 / pixel:.2f}" if pixel and finding.quantity.startswith("ttf") else "–"
    text = f"{finding.value:.{digits}f}"
    text = text[1:] if text.startswith("-") and not float(text) else text
    if interval and finding.lower is not None and math.isfinite(finding.lower):
        text += f" <small>{finding.lower:.{digits}f} to {finding.upper:.{digits}f}</small>"
    return text


class Page:
    """Collects the parts of a page; `write` makes them.

    Attributes
    ----------
    title : str
    parts : list of str
        HTML.
    """

    def __init__(self, evidence: Evidence):
        self._evidence, self.parts = evidence, []
        self._methods = [label for label in methods_of(evidence) if label != BEFORE]
        self._colour = {FULL: "#000000", BEFORE: "#000000", LOW: "#888888"} | colours_of(self._methods)
        names = " and ".join(filter(None, [", ".join(self._methods[:-1]), self._methods[-1]]))
        self.title = f"What {names} {'do' if len(self._methods) > 1 else 'does'} to lesions, edges, noise and HU"

    def write(self) -> None:
        """Make all parts."""
        raise NotImplementedError

    def as_html(self) -> str:
        """Return the page, which needs nothing else."""
        self.write()
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width,initial-scale=1"><title>{html.escape(self.title)}</title>'
            f"<style>{_STYLE}</style></head><body>{''.join(self.parts)}</body></html>\n"
        )

    def _say(self, text: str) -> None:
        self.parts.append(text)

    def _table(self, head: list[str], rows: list[list[str]], classes: dict | None = None) -> None:
        """Write a table of HTML cells without empty columns; `classes` gives cells a class by (row, column)."""
        full = [c for c in range(len(head)) if c == 0 or any(row[c] != "–" for row in rows)]
        head, rows = [head[c] for c in full], [[row[c] for c in full] for row in rows]
        cells = "".join(f"<th>{h}</th>" for h in head)
        body = []
        for r, row in enumerate(rows):
            tds = []
            for c, cell in enumerate(row):
                name = (classes or {}).get((r, c))
                tds.append(f'<td class="{name}">{cell}</td>' if name else f"<td>{cell}</td>")
            body.append(f"<tr>{''.join(tds)}</tr>")
        self._say(f'<div class="scroll"><table><tr>{cells}</tr>{"".join(body)}</table></div>')

    def _how(self, *keys: str) -> None:
        """Write the definitions of what a table shows."""
        for key in keys:
            quantity = QUANTITIES[key]
            self._say(f'<p class="how"><b>{html.escape(quantity.label)}</b>: {html.escape(quantity.definition)}</p>')

    def _figure(self, figure, caption: str) -> None:
        """Put a figure of matplotlib into the page as a PNG of twice the size."""
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=130)
        data = base64.b64encode(content.getvalue()).decode()
        self._say(
            f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{data}" '
            f'style="width:100%"><figcaption>{html.escape(caption)}</figcaption></figure>'
        )

    def _new_figure(self, width: float, height: float):
        return require("matplotlib.figure", "draw the report").Figure(figsize=(width, height), layout="constrained")

    def _style(self, label: str) -> dict:
        """Return how a curve of an image is drawn."""
        return {"label": label, "color": self._colour[label], "linestyle": "--" if label in (FULL, LOW) else "-"}

    def _charts(self, titles, draw, x_title: str, y_title: str, caption: str, sharey=True, **limits) -> None:
        """Write charts beside each other; `draw(axes, title, label)` draws an image into one of them."""
        figure = self._new_figure(13, 4.2)
        all_axes = figure.subplots(1, len(titles), sharey=sharey, squeeze=False)[0]
        for axes, title in zip(all_axes, titles, strict=True):
            for label in self._evidence.images:
                draw(axes, title, label)
            axes.set(title=title, xlabel=x_title, **limits)
            axes.grid(alpha=0.3)
        figure.axes[0].set_ylabel(y_title)
        figure.axes[0].legend()
        self._figure(figure, caption)

    def _by_image(self, findings, columns, pixel: float | None = None) -> None:
        """Write a table of one row an image that has a finding.

        Parameters
        ----------
        findings : Findings
        columns : sequence of (str, dict) or (str, dict, bool)
            Heading, the fields of the finding that each image has there, and whether its interval is shown.
        pixel : float, optional
            See `number`.
        """
        rows = []
        for label in self._evidence.images:
            cells = [(findings.one(image=label, **fields), *interval) for _, fields, *interval in columns]
            if any(finding for finding, *_ in cells):
                rows.append([html.escape(label), *(number(*cell, pixel=pixel) for cell in cells)])
        self._table(["image", *(heading for heading, *_ in columns)], rows)

    def _quantities(self, findings, keys) -> None:
        """Write a table of one row an image and one column a quantity."""
        columns = [(QUANTITIES[key].heading, {"quantity": key}) for key in keys if findings.where(quantity=key)]
        self._by_image(findings, columns)

    def _pictures(self) -> None:
        for scan in self._evidence.scans:
            images = self._evidence.pictures.get(scan["name"], {}).get("slice")
            if not images:
                continue
            count = len(images)
            columns = min(3, count)
            rows = -(-count // columns)
            height, width = next(iter(images.values())).shape
            figure = self._new_figure(13, 13 / columns * height / width * rows + 0.3 * rows)
            grid = figure.subplots(rows, columns, squeeze=False).ravel()
            for axes, (label, image) in zip(grid, images.items(), strict=False):
                axes.imshow(PAPER.to_unit(image), cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
                axes.set_title(label, fontsize=13)
            for axes in figure.axes:
                axes.axis("off")
            self._figure(figure, f"Slice {scan['slice_shown']} of {scan['name']}, window {PAPER}.")

    def _notes(self) -> None:
        notes = self._evidence.notes
        if notes:
            self._say('<div class="note"><b>What could not be measured, and what to know</b><ul>')
            self._say("".join(f"<li>{html.escape(note)}</li>" for note in notes) + "</ul></div>")
