"""The commands of `cookiesession`, one module each; `cookiesession.__main__` puts them together.

A module has `add_to(commands)`, which declares its options, and functions that take the options and
return the exit status. A `ConfigurationError` ends as its sentence on standard error. Keys come
from files, standard input and the environment, never from arguments, and none is ever printed but
by `keygen`.
"""
