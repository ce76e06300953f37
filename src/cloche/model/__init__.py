"""The nouns of the standards as frozen values; standard library only, no input or output."""
