"""Jobs and their history in SQL."""

from cloche.store.store import SqlStore

__all__ = ["SqlStore"]
