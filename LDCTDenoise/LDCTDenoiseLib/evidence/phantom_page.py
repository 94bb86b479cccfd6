"""The report of a phantom: its modules before and after."""

import html

from .page import Page, number
from .phantoms import BEFORE


class PhantomPage(Page):
    """A phantom before and after denoising."""

    def write(self) -> None:
        scan, findings = self._evidence.scans[0], self._evidence.findings
        self.title = f"{scan['phantom']} phantom before and after {', '.join(self._methods)}"
        self._say(f"<h1>{html.escape(self.title)}</h1>")
        self._say(
            f"<p><b>{BEFORE}</b> is {html.escape(scan['name'])} as it came, {scan['slices']} slices; the others are "
            "the same scan after a denoiser. pylinac found the modules. Research use, not for diagnosis.</p>"
        )
        self._notes()
        self._pictures()
        inserts = list(dict.fromkeys(f.tissue for f in findings.where(quantity="insert_hu")))
        if inserts:
            self._say("<h2>HU of the inserts</h2>")
            rows = []
            for label in self._evidence.images:
                own = findings.where(image=label)
                row = [html.escape(label)]
                for insert in inserts:
                    here = own.where(tissue=insert)
                    shift = here.one(quantity="insert_shift")
                    cell = number(here.one(quantity="insert_hu"))
                    row.append(f"{cell}<small>{number(shift)}</small>" if shift else cell)
                rows.append([*row, number(own.one(quantity="linearity")), number(own.one(quantity="linearity_error"))])
            head = ["image", *map(html.escape, inserts), "linearity, %", "largest departure, HU"]
            self._table(head, rows)
            self._how("insert_hu", "insert_shift")
            self._say('<p class="how"><b>linearity</b>: slope of the HU after denoising against those before.</p>')
            columns = []
            for insert in inserts:
                measured = findings.one(quantity="ttf50", tissue=insert, image=BEFORE)
                if measured:
                    name = f"{html.escape(insert)} ({measured.contrast:+.0f} HU)"
                    for head, key in ((f"{name}: 50 %, 1/mm", "ttf50"), ("10 %, 1/mm", "ttf10"),
                                      ("overshoot, %", "overshoot")):  # fmt: skip
                        columns.append((head, {"quantity": key, "tissue": insert}, False))
            self._say("<h2>Resolution at the inserts</h2>")
            self._by_image(findings, columns, scan["spacing_mm"][0])
            self._say(
                '<p class="how"><b>50 %, 10 %</b>: frequencies at which the task transfer function falls to a half and '
                "to a tenth: the edge of the insert around its centre, mean of its slices, differentiated and Fourier "
                "transformed. Inserts within 25 HU of their surroundings are left out.</p>"
            )
            self._how("overshoot")
        uniform = findings.where(tissue="uniformity module")
        if uniform:
            self._say("<h2>Noise and uniformity</h2>")
            keys = ("noise_sd", "nps_mean", "nps_peak", "direction_ratio", "z_correlation", "phantom_uniformity")
            self._quantities(uniform, keys)
            self._how(*keys)
        disks = list(dict.fromkeys(f.tissue for f in findings.where(quantity="disk_contrast")))
        if disks:
            self._say("<h2>Low contrast</h2>")
            columns = []
            for disk in disks:
                size = findings.one(quantity="disk_contrast", tissue=disk).size
                columns.append((f"{size:g} mm: contrast, HU", {"quantity": "disk_contrast", "tissue": disk}))
                columns.append(("d' NPW", {"quantity": "disk_detectability", "tissue": disk}))
            self._by_image(findings, columns)
            self._how("disk_contrast", "disk_detectability")
