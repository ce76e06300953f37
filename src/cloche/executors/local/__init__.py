"""Executions on this machine: own processes, with or without walls, forked from zygotes."""
