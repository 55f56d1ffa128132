"""The one way in which reading stops."""


class ExportError(Exception):
    """Why no export can be made; the text names no person and no secret."""
