"""How fast the engine is on this machine, beside the plain network and other methods, in one run."""

from .contenders import CONTENDERS, Contender, available_contenders, chosen_contenders, make_contender
from .measure import run_benchmark
from .report import to_markdown, write_report
