"""Cloche: an OGC geoprocessing server that runs every execution under its own glass."""

__version__ = "0.1.0"
