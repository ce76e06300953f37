"""What executors share that follow processes of this host."""
