"""Table 1 of the paper, for the side-by-side."""

from LDCTDenoiseLib.text_tables import markdown_rows

from ..validation_metrics import METRIC

#: Method to PSNR (dB), SSIM and RMSE on the slice of Fig. 2, then on that of Fig. 4. You et al., arXiv 1811.10564.
TABLE_1 = {
    "LDCT": (22.818, 0.761, 0.0723, 21.558, 0.659, 0.0836),
    "CNN-L1": (27.791, 0.822, 0.0408, 26.794, 0.738, 0.0457),
    "WGAN": (25.727, 0.801, 0.0517, 24.655, 0.711, 0.0585),
    "DCSCN": (28.016, 0.883, 0.0397, 26.943, 0.730, 0.0530),
    "DCSWGAN": (26.928, 0.828, 0.0449, 25.721, 0.808, 0.0517),
}

NOTE = (
    "\\* This row contradicts itself: with the data range 1, 26.943 dB is an RMSE of 0.0450, not 0.0530; the other "
    "nine rows agree with themselves."
)


def side_by_side(means: dict[str, dict]) -> str:
    """Return the paper's table beside ours, as Markdown.

    Parameters
    ----------
    means : dict
        Method to its mean figures, see `experiments.table.summarise`.
    """
    rows = []
    for method, numbers in TABLE_1.items():
        ours = means.get(method)
        mine = [METRIC[key].text(ours[key] if ours else None) for key in ("psnr", "ssim", "rmse")]
        theirs = [f"{v:.{d}f}" for v, d in zip(numbers, (3, 3, 4) * 2, strict=True)]
        if method == "DCSCN":
            theirs[-1] += " \\*"
        rows.append([method, *mine, *theirs])
    heads = ["", "ours PSNR", "SSIM", "RMSE", "Fig. 2 PSNR", "SSIM", "RMSE", "Fig. 4 PSNR", "SSIM", "RMSE"]
    return "\n".join([
        "", "## Beside Table 1 of the paper", "", *markdown_rows(heads, rows), "", NOTE, "",
        "The paper's patients and scanner are others; the rise from low dose is what compares.", "",
    ])
