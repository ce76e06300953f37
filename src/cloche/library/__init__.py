"""Processes that ship with Cloche: ordinary users of ``cloche.process``, published by naming their package.

``cloche.library.vector`` and ``cloche.library.raster`` need the extra ``geo``.
"""
