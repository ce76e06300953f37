"""Makes and checks the images that executions run in: bases without a registry, packages with what they need."""
