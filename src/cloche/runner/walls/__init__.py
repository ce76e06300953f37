"""The walls around one execution on Linux: namespaces, read-only root, Landlock, seccomp, limits; ctypes only."""
