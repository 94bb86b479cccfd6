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
        figure = self._new_figure(13, 4.2)
        for axes, tissue in zip(np.atleast_1d(figure.subplots(1, len(tissues), sharey=True)), tissues, strict=True):
            for label in self._evidence.images:
                self._errorbars(
                    axes, kept.where(image=label, tissue=tissue, contrast=CONTRAST, shape=lesions.DISK), label
                )
            axes.set(title=tissue, xlabel="diameter, mm", ylim=(0, 112))
            axes.grid(alpha=0.3)
        figure.axes[0].set_ylabel("contrast kept, %")
        figure.axes[0].legend()
        self._figure(
            figure, f"Contrast kept of disks of {CONTRAST:g} HU, with 95 % intervals. What is put in is 100 %."
        )
        figure = self._new_figure(13, 4.2)
        tissue = tissues[0]
        for axes, observer in zip(
            figure.subplots(1, len(lesions.OBSERVERS), sharey=True), lesions.OBSERVERS, strict=True
        ):
            rows = every.where(
                quantity="detectability", observer=observer, tissue=tissue, contrast=CONTRAST, shape=lesions.DISK
            )
            for label in self._evidence.images:
                self._errorbars(axes, rows.where(image=label), label)
            axes.set(title=observer, xlabel="diameter, mm")
            axes.grid(alpha=0.3)
        figure.axes[0].set_ylabel("d'")
        figure.axes[0].legend()
        self._figure(
            figure, f"Detectability d' of disks of {CONTRAST:g} HU in {tissue} for five observers, with 95 % "
            "intervals. NPW compares the inside with a ring around it, NPWE does so through the eye's filter, CHO have "
            "learnt what noise looks like. A denoiser is worth something for detection where its curve lies above "
            "that of LDCT.",
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
            axes.errorbar(
                [f.size for f in rows], value, np.maximum(error, 0), label=label, color=self._colour[label], capsize=3,
                marker="o", markersize=4, linestyle="--" if label in (FULL, LOW) else "-",
            )  # fmt: skip

    def _lesion_tables(self, findings, shape: str, contrasts) -> None:
        head = ["image", "contrast kept, %", "CNR", *(f"d' {o}" for o in lesions.OBSERVERS), f"AUC {OBSERVER}",
                f"change of d' ({OBSERVER})"]  # fmt: skip
        for contrast in contrasts:
            for size in lesions.SIZES:
                here = findings.where(shape=shape, contrast=contrast, size=size)
                if not here:
                    continue
                rows = []
                for label in self._evidence.images:
                    own = here.where(image=label)
                    if not own:
                        continue
                    row = [
                        html.escape(label),
                        number(own.one(quantity="contrast_kept")),
                        number(own.one(quantity="cnr"), False),
                    ]
                    row += [number(own.one(quantity="detectability", observer=o)) for o in lesions.OBSERVERS]
                    row += [number(own.one(quantity=q, observer=OBSERVER)) for q in ("auc", "detectability_change")]
                    rows.append(row)
                what = "disk" if shape == lesions.DISK else "Gaussian blob"
                self._say(f"<p><b>{what} of {contrast:+g} HU, {size:g} mm</b>, {here[0].count} places</p>")
                self._table(head, rows)

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
                    style = dict(
                        color=self._colour[label], label=label, linestyle="--" if label in (FULL, LOW) else "-"
                    )
                    axes[0, column].plot(curve["frequency"], curve["ttf"], **style)
                    axes[1, column].plot(curve["distance"], 100 * curve["edge"], **style)
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
        figure = self._new_figure(13, 4.2)
        for axes, tissue in zip(np.atleast_1d(figure.subplots(1, len(rows_of))), rows_of, strict=True):
            for label in self._evidence.images:
                curve = curves.get((label, tissue))
                if curve:
                    total = curve["power"].sum()
                    axes.plot(curve["frequency"], curve["power"] / total, color=self._colour[label], label=label,
                              linestyle="--" if label in (FULL, LOW) else "-")  # fmt: skip
            axes.set(title=tissue, xlabel="frequency, 1/mm", yticks=[])
            axes.grid(alpha=0.3)
        figure.axes[0].set_ylabel("noise power, same area")
        figure.axes[0].legend()
        self._figure(figure, "Noise power spectra, each to the same area: how fine the noise is that is left.")
        keys = (
            "noise_sd",
            "nps_mean",
            "nps_peak",
            "direction_ratio",
            "noise_centre_edge",
            "z_correlation",
            "nps_z_mean",
        )
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
        head = [
            "image",
            *(f"{t}, HU shift" for t in tissues),
            "uniformity, HU",
            "linearity, %",
            "largest departure, HU",
        ]
        rows = []
        for label in self._evidence.images:
            own = findings.where(image=label)
            row = [html.escape(label), *(number(own.one(quantity="hu_shift", tissue=t)) for t in tissues)]
            row += [number(own.one(quantity=q)) for q in ("uniformity", "linearity", "linearity_error")]
            rows.append(row)
        self._table(head, rows)
        counts = ", ".join(f"{t} {shifts.one(tissue=t).count}" for t in tissues)
        self._say(f'<p class="how">Slices that count: {counts}.</p>')
        self._how("hu_shift", "uniformity", "linearity", "linearity_error")

    def _structure(self, scan, findings, level) -> None:
        share = findings.where(quantity="structure_removed")
        if not share:
            return
        self._say(f"<{level}>Structure in what was removed</{level}>")
        tissues = list(dict.fromkeys(f.tissue for f in share))
        head = ["image", *(f"{t}, % removed" for t in tissues), *(f"{t}, correlation" for t in tissues), "at edges"]
        rows = []
        for label in self._methods:
            own = findings.where(image=label)
            if own.where(quantity="structure_removed"):
                row = [html.escape(label)]
                row += [number(own.one(quantity="structure_removed", tissue=t)) for t in tissues]
                row += [number(own.one(quantity="structure_correlation", tissue=t), False) for t in tissues]
                rows.append([*row, number(own.one(quantity="edge_excess"))])
        self._table(head, rows)
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
                panels.append(
                    (f"{size:g} mm: d' ({OBSERVER})", here.where(quantity="detectability", observer=OBSERVER))
                )
            figure = self._new_figure(13, 6.4)
            for axes, (title, rows) in zip(figure.subplots(2, 4).T.ravel()[[0, 2, 3, 4, 5, 6, 7]], panels, strict=True):
                for label in evidence.images:
                    own = sorted(rows.where(image=label), key=lambda f: f.dose)
                    if own:
                        axes.plot([100 * f.dose for f in own], [f.value for f in own], marker="o", label=label,
                                  color=self._colour[label],
                                  linestyle="--" if label in (FULL, LOW) else "-")  # fmt: skip
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
            "one "
            f"in each pass ({html.escape(runs)}). Images are cropped to the patient before they are denoised. Every "
            "number with its sample size is in evidence.csv and evidence.json beside this page.</p>"
        )
        self._say("<details><summary>All definitions</summary><dl>")
        for quantity in QUANTITIES.values():
            unit = f" ({quantity.unit})" if quantity.unit else ""
            self._say(
                f"<dt>{html.escape(quantity.label + unit)}</dt><dd>{html.escape(quantity.definition)} Sample size: "
                f"{quantity.counted}.</dd>"
            )
        self._say("</dl></details>")
