"""SMART App Launch: the form opened from an EHR or for one, its patient read, the answers written.

The ways in (EHR launch, standalone), the checks and what is kept where: ``docs/architecture.md``.
Nothing is called before the EHR's address is found among those an operator listed.
"""
