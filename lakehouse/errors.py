"""The one error that a user is meant to read."""


class UserError(Exception):
    """One clear sentence: what is wrong, where, and how to mend it. The command line exits 1 with it."""
