"""Writing files so that a result appears whole or not at all."""

from .whole import replace_folder, write_whole

__all__ = ["replace_folder", "write_whole"]
