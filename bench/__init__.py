"""Cloche beside PyWPS on this machine, in one run, as ratios."""
