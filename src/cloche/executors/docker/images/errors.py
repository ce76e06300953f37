"""Why an image could not be made."""


class ImageError(Exception):
    """The text says what is wrong and what mends it."""
