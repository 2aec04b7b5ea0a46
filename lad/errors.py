"""The one exception that a user of the package is meant to read."""


class InputError(ValueError):
    """Bad input, in one line: which file, site, row or key, what was found, what was expected.

    The command line prints the line and exits with a non-zero status, without a traceback.
    """
