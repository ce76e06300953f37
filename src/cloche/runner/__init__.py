"""Runs processes: the zygote that imports them, the supervisor of each execution, the walls around it."""
