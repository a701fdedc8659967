"""One module for each revision, named ``r<revision>_<what>``."""
