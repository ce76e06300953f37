"""Vector processes: geometry, overlay, measuring and conversion of features."""

from cloche.library.vector.buffer import vector_buffer

__all__ = ["vector_buffer"]
