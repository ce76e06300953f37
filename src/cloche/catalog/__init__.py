"""Process packages and their descriptions: as data, in memory, refreshed behind the answers."""
