"""The one table of methods: command line, panels, model cards, training and docs read it.

A method is added with a row here. One with a network of its own needs that network's file in `networks`, too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import cycle

from ..networks import Network
from ..networks.conv_stack import conv_stack
from ..networks.dcscn import dcscn
from ..networks.red_cnn import red_cnn
from ..text_tables import markdown_rows
from .reference import NonLocalMeans, TotalVariation

#: Colours of curves, after matplotlib's "tab10".
PALETTE = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")


@dataclass(frozen=True)
class Method:
    """A row of the table."""

    name: str  #: As users write it and cards name it.
    words: str  #: What it is, in a few words of English; panels translate them.
    colour: str  #: Of its curves, "#rrggbb".
    #: Describes its network, with settings whose defaults are the paper's; its name is that of the architecture.
    network: Callable[..., Network] | None = None
    neighbours: int = 0  #: Slices on either side of each that its network reads.
    reference: Callable | None = None  #: Makes the denoiser of a method without a network.
    #: The method with the same network from whose weights an adversarial training starts; empty: trained by L1 alone.
    twin: str = ""
    #: Settings of a training (docs/training.md) whose defaults differ for this method. Only training reads them.
    training: Mapping = field(default_factory=dict)
    #: Whether it stands in Table 1 of You et al., arXiv 1811.10564, which `ldct-train reproduce` sets beside ours.
    of_the_paper: bool = False
    other_names: tuple[str, ...] = ()  #: In capitals, with hyphens.

    @property
    def adversarial(self) -> bool:
        """Whether a critic takes part in its training."""
        return bool(self.twin)


_ADVERSARIAL = {
    "learning_rate": 1e-4, "betas": (0.5, 0.9), "mean_weight": 100.0, "select_by": "texture", "warmup_steps": 0,
}

#: An L1 method comes before the adversarial one that starts from it.
_ROWS = (
    Method("CNN-L1", "network, L1 loss", PALETTE[0], network=conv_stack, training={"optimiser": "soap"},
           of_the_paper=True, other_names=("CNNL1", "CNN")),
    Method("WGAN", "network, adversarial", PALETTE[1], network=conv_stack, twin="CNN-L1",
           training={**_ADVERSARIAL, "l1_weight": 0.0, "least_gain_db": 2.9}, of_the_paper=True),
    Method("DCSCN", "skip connections, L1 loss", PALETTE[2], network=dcscn,
           training={"optimiser": "soap"}, of_the_paper=True),
    Method("DCSWGAN", "skip connections, adversarial", PALETTE[3], network=dcscn, twin="DCSCN",
           training={**_ADVERSARIAL, "l1_weight": 100.0, "least_gain_db": 4.1}, of_the_paper=True),
    Method("DCSCN-3S", "skip connections, three slices, L1 loss", PALETTE[9], network=dcscn, neighbours=1,
           training={"optimiser": "soap"}, other_names=("DCSCN3S",)),
    Method("RED-CNN", "encoder and decoder, L1 loss", PALETTE[4], network=red_cnn, other_names=("REDCNN",)),
    Method("TV", "total variation, no training", PALETTE[5], reference=TotalVariation,
           other_names=("TOTAL-VARIATION",)),
    Method("NLM", "non-local means, no training", PALETTE[6], reference=NonLocalMeans,
           other_names=("NON-LOCAL-MEANS",)),
)

#: The rows by name.
METHOD = {row.name: row for row in _ROWS}

#: All methods; those that need a model file; those of the paper's table.
METHODS = tuple(METHOD)
NETWORK_METHODS = tuple(row.name for row in _ROWS if row.network)
PAPER_METHODS = tuple(row.name for row in _ROWS if row.of_the_paper)

#: Methods that need no training, by what makes their denoiser: what a network has to beat.
REFERENCE_METHODS = {row.name: row.reference for row in _ROWS if row.reference}


def colours_of(labels: Iterable[str]) -> dict[str, str]:
    """Return a colour for each label: a method's own, and for others those that are left, again and again."""
    labels = list(labels)
    taken = [METHOD[label].colour for label in labels if label in METHOD]
    left = cycle([colour for colour in PALETTE if colour not in taken] or PALETTE)
    return {label: METHOD[label].colour if label in METHOD else next(left) for label in labels}


def architecture_name(describe: Callable | None) -> str:
    """Return what a model card calls the network that a function describes; "" for none."""
    return describe.__name__.replace("_", "-") if describe else ""


def to_markdown() -> str:
    """Return the table for people, as it stands in docs/methods.md."""
    rows = []
    for row in _ROWS:
        trained = "adversarially" if row.adversarial else "L1" if row.network else ""
        settings = ", ".join(f"`{key}` {_text(value)}" for key, value in sorted(row.training.items()))
        network = architecture_name(row.network) + (f" of {2 * row.neighbours + 1} slices" if row.neighbours else "")
        rows.append((row.name, row.words, network, trained, row.twin, settings))
    heads = ("method", "what it is", "network", "trained by", "starts from", "settings that differ")
    return "\n".join(markdown_rows(heads, rows)) + "\n"


def _text(value) -> str:
    return ", ".join(f"{v:g}" for v in value) if isinstance(value, tuple) else f"{value}"
