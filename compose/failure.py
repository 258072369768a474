"""The one exception of this folder: something that a person must know or do, as a sentence.

Whatever stops a stack from coming up is raised as a `Failure` whose text stands alone; the command line prints it and
ends with a non-zero code, without a traceback.
"""


class Failure(Exception):
    """A sentence for the person who started the command."""
