"""What every protocol needs of HTTP: bodies in, replies out, where work runs and how the end of a job is awaited."""
