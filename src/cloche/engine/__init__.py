"""Moves jobs: claim, stage, start, poll, verdict, collect, store, recover, expire."""
