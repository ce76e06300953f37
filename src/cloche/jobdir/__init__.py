"""The contract on disk between engine and runner: names, schemas, atomic writes, safe reads (version 1)."""
