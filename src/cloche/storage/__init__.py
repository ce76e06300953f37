"""Results of jobs, kept until they expire."""

from cloche.storage.files import FileStorage

__all__ = ["FileStorage"]
