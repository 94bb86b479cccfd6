"""Writing files so that a result appears whole or not at all."""

from .whole import check_folder, check_place, flush, replace_folder, write_whole

__all__ = ["check_folder", "check_place", "flush", "replace_folder", "write_whole"]
