"""The report of scans: what methods do to lesions, edges, noise and HU."""

import html

import numpy as np

from .. import __version__
from . import lesions, places, resolution
from .findings import QUANTITIES
from .page import Page, number
from .result import CURVE, FULL, LOW
from .words import CONTRAST, DEFINITION, OBSERVER, Verdict, main_scan, sentences, verdicts


class ScanPage(Page):
    """Methods on one or more scans."""

    def write(self) -> None:
        self._head()
        self._verdicts()
        self._sentences()
        self._pictures()
        self._lesions()
        for scan in self._evidence.scans:
            self._scan(scan)
        self._dose_curve()
        self._foot()

    def _head(self) -> None:
        evidence = self._evidence
        first = evidence.scans[0] if evidence.scans else {}
        dose = evidence.options.dose
        if first.get("pair"):
            low = f"a real low-dose scan ({'dose unknown' if dose is None else f'{dose:.0%} of the full dose'})"
        else:
            low = f"the same scan as a scanner would give it at {dose:.0%} of the dose (simulated in the projections)"
        self._say(f"<h1>{html.escape(self.title)}</h1>")
        self._say(
            f"<p><b>{FULL}</b> is the full-dose scan as it came, <b>{LOW}</b> {low}, the others are {LOW} after a "
            "denoiser. Lesions of known contrast, size and place are put into the scan before the dose is lowered, and "
            "each image is asked whether they are still there. Research use, not for diagnosis.</p>"
            "<p class='how'><b>How to read it.</b> <i>Contrast kept</i>: a lesion that was 20 HU darker than its "
            "surroundings and is 10 HU darker after the denoiser has kept 50 %. <i>d'</i>: how well a lesion is told "
            "from its absence by an observer that knows where to look; at 0 it guesses, at 1 it is right in 76 of 100 "
            "pairs, at 2 in 92, at 3 in 98. A smoother picture is no better at this by itself: compare with LDCT. "
            "<i>Places</i>: how many spots of even tissue lesions were put into. The small numbers below a value are "
            "its 95 % confidence interval.</p>"
        )
        rows = [
            [
                html.escape(s["name"]), f"{s['slices']} of {s['rows_columns'][1]}×{s['rows_columns'][0]}",
                " × ".join(f"{x:g}" for x in s["spacing_mm"]), "unknown" if s["dose"] is None else f"{s['dose']:.0%}",
                *(str(s["places"][t]) for t in places.TISSUES),
                *(f"{s['flat_below_hu_per_mm'][t]:g}" for t in (places.SOFT, places.LUNG)),
            ]
            for s in evidence.scans
        ]  # fmt: skip
        head = ["scan", "slices", "voxel, mm", "dose", *(f"places in {t}" for t in places.TISSUES)]
        self._table([*head, *(f"{t} is flat below, HU per mm" for t in (places.SOFT, places.LUNG))], rows)
        self._notes()

    def _verdicts(self) -> None:
        found = verdicts(self._evidence)
        if not found:
            return
        self._say("<h2>Do lesions survive?</h2>")
        sizes = sorted({v.size for v in found})
        tissue, rows, classes = found[0].tissue, [], {}
        by: dict[tuple, Verdict] = {(v.image, v.size): v for v in found}
        for r, label in enumerate(m for m in self._methods if any(v.image == m for v in found)):
            row = [html.escape(label)]
            for c, size in enumerate(sizes, 1):
                verdict = by.get((label, size))
                if verdict is None:
                    row.append("–")
                    continue
                classes[r, c] = verdict.colour
                low = {
                    "": "",
                    "better": "low dose detects it better",
                    "worse": "detected better than in low dose",
                    "as well": "low dose detects it as well",
                }
                row.append(f"<b>{verdict.word}</b>, {verdict.kept:.0f} %<small>{low[verdict.detection]}</small>")
            rows.append(row)
        self._say(f"<p>Lesions of {CONTRAST:g} HU in {tissue}, by diameter: the word, the contrast that is left, and "
                  "whether low dose without any denoiser detects the lesion as well.</p>")  # fmt: skip
        self._table(["", *(f"{size:g} mm" for size in sizes)], rows, classes)
        self._say(f'<p class="how">{html.escape(DEFINITION)}</p>')

    def _sentences(self) -> None:
        said = sentences(self._evidence)
        if not said:
            return
        self._say("<h2>In words</h2>")
        word = {"good": "good", "bad": "not good", "plain": "so-so"}
        for label in self._methods:
            self._say(f'<h3>{html.escape(label)}</h3><ul class="said">')
            for sentence in (s for s in said if s.image == label):
                self._say(f'<li class="{sentence.tone}"><b>{word[sentence.tone]}</b>{html.escape(sentence.text)}</li>')
            self._say("</ul>")

    def _lesions(self) -> None:
        scan = main_scan(self._evidence)
        every = self._evidence.findings.where(scan=scan, dose=self._evidence.options.dose)
        kept = every.where(quantity="contrast_kept")
        if not kept:
            return
        self._say("<h2>Lesions</h2>")
        tissues = [t for t in places.TISSUES if kept.where(tissue=t)]
        disks = every.where(contrast=CONTRAST, shape=lesions.DISK)
        self._charts(
            tissues,
            lambda axes, tissue, label: self._errorbars(
                axes, disks.where(quantity="contrast_kept", image=label, tissue=tissue), label
            ),
            "diameter, mm", "contrast kept, %",
            f"Contrast kept of disks of {CONTRAST:g} HU, with 95 % intervals. What is put in is 100 %.", ylim=(0, 112),
        )  # fmt: skip
        detected = disks.where(quantity="detectability", tissue=tissues[0])
        self._charts(
            lesions.OBSERVERS,
            lambda axes, observer, label: self._errorbars(axes, detected.where(observer=observer, image=label), label),
            "diameter, mm", "d'", f"Detectability d' of disks of {CONTRAST:g} HU in {tissues[0]} for five observers, "
            "with 95 % intervals. NPW compares the inside with a ring around it, NPWE does so through the eye's "
            "filter, CHO have learnt what noise looks like. A denoiser is worth something for detection where its "
            "curve lies above that of LDCT.",
        )  # fmt: skip
        for tissue in tissues:
            self._say(f"<h3>Lesions in {tissue}</h3>")
            here = every.where(tissue=tissue)
            self._lesion_tables(here, lesions.DISK, [CONTRAST])
            others = [c for c in lesions.CONTRASTS if c != CONTRAST]
            if not any(f.contrast != CONTRAST or f.shape != lesions.DISK for f in here.where(quantity="contrast_kept")):
                continue
            self._say(f"<details><summary>All other contrasts and blobs in {tissue}</summary>")
            self._lesion_tables(here, lesions.DISK, others)
            self._lesion_tables(here, lesions.BLOB, list(lesions.CONTRASTS))
            self._say("</details>")
        self._how("contrast_kept", "cnr", "detectability", "detectability_change", "auc")

    def _errorbars(self, axes, rows, label) -> None:
        rows = sorted((f for f in rows if f.size), key=lambda f: f.size)
        if rows:
            value = np.array([f.value for f in rows])
            error = np.array([[f.value - f.lower, f.upper - f.value] for f in rows]).T
            style = {"capsize": 3, "marker": "o", "markersize": 4, **self._style(label)}
            axes.errorbar([f.size for f in rows], value, np.maximum(error, 0), **style)

    def _lesion_tables(self, findings, shape: str, contrasts) -> None:
        columns = [
            ("contrast kept, %", {"quantity": "contrast_kept"}), ("CNR", {"quantity": "cnr"}, False),
            *((f"d' {o}", {"quantity": "detectability", "observer": o}) for o in lesions.OBSERVERS),
            (f"AUC {OBSERVER}", {"quantity": "auc", "observer": OBSERVER}),
            (f"change of d' ({OBSERVER})", {"quantity": "detectability_change", "observer": OBSERVER}),
        ]  # fmt: skip
        what = "disk" if shape == lesions.DISK else "Gaussian blob"
        for contrast in contrasts:
            for size in lesions.SIZES:
                here = findings.where(shape=shape, contrast=contrast, size=size)
                kept = here.one(quantity="contrast_kept")
                if kept:
                    self._say(f"<p><b>{what} of {contrast:+g} HU, {size:g} mm</b>, {kept.count} places</p>")
                    self._by_image(here, columns)

    def _scan(self, scan: dict) -> None:
        findings = self._evidence.findings.where(scan=scan["name"], dose=scan["dose"])
        several = len(self._evidence.scans) > 1
        if several:
            self._say(f"<h2>{html.escape(scan['name'])}</h2>")
        level = "h3" if several else "h2"
        self._resolution(scan, findings, level)
        self._noise(scan, findings, level)
        self._hu(findings, level)
        self._structure(scan, findings, level)
        self._spots(findings, level)

    def _resolution(self, scan, findings, level) -> None:
        if not findings.where(quantity="ttf50"):
            return
        self._say(f"<{level}>Resolution by contrast</{level}>")
        curves = self._evidence.curves["ttf"][scan["name"]]
        figure = self._new_figure(13, 6.4)
        axes = figure.subplots(2, len(resolution.CONTRASTS), sharey="row", sharex="row")
        for column, contrast in enumerate(resolution.CONTRASTS):
            for label in self._evidence.images:
                curve = curves.get((label, contrast))
                if curve:
                    axes[0, column].plot(curve["frequency"], curve["ttf"], **self._style(label))
                    axes[1, column].plot(curve["distance"], 100 * curve["edge"], **self._style(label))
            axes[0, column].set(title=f"{contrast:g} HU", xlabel="frequency, 1/mm", ylim=(0, 1.15))
            axes[1, column].set(xlabel="distance from the edge, mm", xlim=(-5, 5))
            for a in axes[:, column]:
                a.grid(alpha=0.3)
        axes[0, 0].set_ylabel("TTF")
        axes[1, 0].set_ylabel("edge, % of contrast")
        axes[0, 0].legend()
        self._figure(figure, "Task transfer function by contrast, and the edges it comes from.")
        pixel = scan["spacing_mm"][0]
        head = ["insert, image", "50 % of the TTF, 1/mm", "10 %, 1/mm", "overshoot, %", "contrast kept, %"]
        rows = []
        for contrast in resolution.CONTRASTS:
            for label in self._evidence.images:
                here = findings.where(image=label, contrast=contrast)
                if here.where(quantity="ttf50"):
                    keys = ("ttf50", "ttf10", "overshoot", "insert_contrast")
                    cells = [number(here.one(quantity=q), q == "ttf50", pixel) for q in keys]
                    rows.append([f"{contrast:g} HU, {html.escape(label)}", *cells])
        self._table(head, rows)
        counts = sorted({f.count for f in findings.where(quantity="ttf50")})
        self._say(f'<p class="how">{counts[0]} to {counts[-1]} inserts of each contrast.</p>')
        self._how("ttf50", "overshoot", "insert_contrast")

    def _noise(self, scan, findings, level) -> None:
        rows_of = [t for t in places.TISSUES if findings.where(quantity="noise_sd", tissue=t)]
        if not rows_of:
            return
        self._say(f"<{level}>Noise</{level}>")
        curves = self._evidence.curves["nps"][scan["name"]]

        def draw(axes, tissue, label) -> None:
            curve = curves.get((label, tissue))
            if curve:
                axes.plot(curve["frequency"], curve["power"] / curve["power"].sum(), **self._style(label))

        self._charts(
            rows_of, draw, "frequency, 1/mm", "noise power, same area",
            "Noise power spectra, each to the same area: how fine the noise is that is left.", sharey=False,
            yticks=[],
        )  # fmt: skip
        keys = ("noise_sd", "nps_mean", "nps_peak", "direction_ratio", "noise_centre_edge", "z_correlation",
                "nps_z_mean")  # fmt: skip
        for tissue in rows_of:
            here = findings.where(tissue=tissue)
            self._say(f"<p><b>{tissue}</b>, {here.one(quantity='noise_sd').count} windows</p>")
            self._quantities(here, keys)
        self._how(*keys)

    def _hu(self, findings, level) -> None:
        shifts = findings.where(quantity="hu_shift")
        if not shifts:
            return
        self._say(f"<{level}>HU</{level}>")
        tissues = list(dict.fromkeys(f.tissue for f in shifts))
        columns = [(f"{t}, HU shift", {"quantity": "hu_shift", "tissue": t}) for t in tissues]
        for heading, key in (("uniformity, HU", "uniformity"), ("linearity, %", "linearity"),
                             ("largest departure, HU", "linearity_error")):  # fmt: skip
            columns.append((heading, {"quantity": key}))
        self._by_image(findings, columns)
        counts = ", ".join(f"{t} {shifts.one(tissue=t).count}" for t in tissues)
        self._say(f'<p class="how">Slices that count: {counts}.</p>')
        self._how("hu_shift", "uniformity", "linearity", "linearity_error")

    def _structure(self, scan, findings, level) -> None:
        share = findings.where(quantity="structure_removed")
        if not share:
            return
        self._say(f"<{level}>Structure in what was removed</{level}>")
        tissues = list(dict.fromkeys(f.tissue for f in share))
        columns = [(f"{t}, % removed", {"quantity": "structure_removed", "tissue": t}) for t in tissues]
        columns += [(f"{t}, correlation", {"quantity": "structure_correlation", "tissue": t}, False) for t in tissues]
        self._by_image(findings, [*columns, ("at edges", {"quantity": "edge_excess"})])
        self._say(f'<p class="how">{share[0].count} slices.</p>')
        self._how("structure_removed", "structure_correlation", "edge_excess")
        for label, maps in self._evidence.pictures.get(scan["name"], {}).get("maps", {}).items():
            if not len(maps):
                continue
            columns = min(10, len(maps))
            lines = -(-len(maps) // columns)
            height, width = maps.shape[1:]
            sheet = np.full((lines * height, columns * width), np.nan, np.float32)
            for n, one in enumerate(maps):
                r, c = divmod(n, columns)
                sheet[r * height : (r + 1) * height, c * width : (c + 1) * width] = 100 * one
            figure = self._new_figure(13, 13 * sheet.shape[0] / sheet.shape[1] + 0.7)
            axes = figure.subplots()
            drawn = axes.imshow(sheet, cmap="RdBu_r", vmin=-40, vmax=40)
            axes.axis("off")
            axes.set_title(label)
            figure.colorbar(drawn, ax=axes, label="structure removed, %", shrink=min(1.0, 0.9), pad=0.01)
            self._figure(
                figure, f"{label}: where structure was removed (red) or strengthened (blue), one map a slice, in a "
                "neighbourhood of 16 mm.",
            )  # fmt: skip

    def _spots(self, findings, level) -> None:
        found = findings.where(quantity="spots")
        if not found:
            return
        self._say(f"<{level}>False detections</{level}>")
        sizes = sorted({f.size for f in found})
        for tissue in dict.fromkeys(f.tissue for f in found):
            head = ["image"]
            for size in sizes:
                head += [f"{size:g} mm: all", "dark", "not in FDCT"]
            rows = []
            for label in self._evidence.images:
                row = [html.escape(label)]
                for size in sizes:
                    own = findings.where(image=label, size=size, tissue=tissue)
                    row += [
                        f"{number(own.one(quantity=q))}<small>({own.one(quantity=q).count})</small>"
                        if own.one(quantity=q) else "–"
                        for q in ("spots", "spots_dark", "spots_new")
                    ]  # fmt: skip
                rows.append(row)
            self._say(f"<p><b>{tissue}</b>, spots per 100 cm² (and their number)</p>")
            self._table(head, rows)
        self._how("spots", "spots_new")

    def _dose_curve(self) -> None:
        evidence = self._evidence
        if not evidence.options.dose_curve:
            return
        doses = sorted({f.dose for f in evidence.findings if f.scan.endswith(CURVE)})
        if not doses:
            return
        self._say("<h2>Dose curve</h2>")
        for scan in evidence.scans:
            every = evidence.findings.where(scan=scan["name"] + CURVE)
            tissue = next((t for t in places.TISSUES if every.where(tissue=t, quantity="contrast_kept")), places.SOFT)
            panels = [("noise SD, HU", every.where(quantity="noise_sd", tissue=tissue))]
            for size in (4.0, 6.0, 10.0):
                here = every.where(tissue=tissue, size=size, contrast=CONTRAST)
                panels.append((f"{size:g} mm: contrast kept, %", here.where(quantity="contrast_kept")))
                detected = here.where(quantity="detectability", observer=OBSERVER)
                panels.append((f"{size:g} mm: d' ({OBSERVER})", detected))
            figure = self._new_figure(13, 6.4)
            for axes, (title, rows) in zip(figure.subplots(2, 4).T.ravel()[[0, 2, 3, 4, 5, 6, 7]], panels, strict=True):
                for label in evidence.images:
                    own = sorted(rows.where(image=label), key=lambda f: f.dose)
                    if own:
                        doses_, values = [100 * f.dose for f in own], [f.value for f in own]
                        axes.plot(doses_, values, marker="o", **self._style(label))
                axes.set(title=title, xscale="log", xlabel="dose, %", ylim=(0, None))
                axes.set_xticks([100 * d for d in doses], [f"{100 * d:g}" for d in doses], minor=False)
                axes.minorticks_off()
                axes.grid(alpha=0.3)
            for axes in figure.axes:
                if not axes.lines:
                    axes.axis("off")
            figure.axes[0].legend()
            self._figure(
                figure, f"{scan['name']}, {tissue}: noise, and disks of {CONTRAST:g} HU, over the dose. At 100 % "
                "no noise is added: LDCT is FDCT, and what a method does there it does to a clean scan.",
            )  # fmt: skip
            rows = []
            for dose in doses[::-1]:
                for label in evidence.images:
                    own = every.where(image=label, dose=dose, tissue=tissue)
                    row = [f"{dose:.0%}, {html.escape(label)}", number(own.one(quantity="noise_sd"))]
                    for size in (4.0, 6.0, 10.0):
                        here = own.where(size=size, contrast=CONTRAST)
                        row += [number(here.one(quantity="contrast_kept")),
                                number(here.one(quantity="detectability", observer=OBSERVER))]  # fmt: skip
                    rows.append(row)
            head = ["dose, image", "noise SD, HU"]
            for size in (4.0, 6.0, 10.0):
                head += [f"{size:g} mm: contrast kept, %", f"d' ({OBSERVER})"]
            self._table(head, rows)

    def _foot(self) -> None:
        evidence = self._evidence
        self._say("<h2>How it was measured</h2>")
        weights = "; ".join(f"{m} {sha[:12]}" for m, sha in evidence.methods.items() if sha)
        runs = ", ".join(f"{s['name']}: {s['passes']} passes" for s in evidence.scans)
        self._say(
            f"<p>LDCTDenoise {__version__}, {evidence.seconds:.0f} s, seed {evidence.options.seed}. Weights (start of "
            f"their SHA-256): {html.escape(weights or 'none')}. Lesions lie in one slice each; a place gets another "
            f"one in each pass ({html.escape(runs)}). Images are cropped to the patient before they are denoised. "
            "Every number with its sample size is in evidence.csv and evidence.json beside this page.</p>"
        )
        self._say("<details><summary>All definitions</summary><dl>")
        for quantity in QUANTITIES.values():
            unit = f" ({quantity.unit})" if quantity.unit else ""
            self._say(
                f"<dt>{html.escape(quantity.label + unit)}</dt><dd>{html.escape(quantity.definition)} Sample size: "
                f"{quantity.counted}.</dd>"
            )
        self._say("</dl></details>")
