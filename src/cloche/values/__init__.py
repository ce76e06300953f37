"""Literal, bounding box and complex data against what a parameter takes; standard library only."""
