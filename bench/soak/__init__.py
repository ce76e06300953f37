"""The soak: many jobs of every fate, a server that is killed again and again, and what is true in the end."""
