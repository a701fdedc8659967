"""Dyspareunia CDS: clinical decision support for pain with sex, served through CDS Hooks."""

__version__ = "0.1.0"
