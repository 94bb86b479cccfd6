"""Whole archives: find every CT series below a folder, denoise each once, and keep account of it."""

from .find import Found, find_archive, owner_at
from .ledger import Ledger
from .plan import BatchOptions, Task, check_roots, make_plan
from .processes import Processes
from .report import make_report
from .run import BatchRun
from .steps import Settings
