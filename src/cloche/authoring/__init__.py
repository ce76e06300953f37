"""What process authors write with: the decorator, the types of inputs and outputs, the handle on the job.

Authors import it all from ``cloche.process``. Standard library only; geographic libraries come in when data do.
"""
