"""Writing files so that a result appears whole or not at all."""

from .atomic import check_folder, check_place, flush, replace_folder, write_atomic

__all__ = ["check_folder", "check_place", "flush", "replace_folder", "write_atomic"]
