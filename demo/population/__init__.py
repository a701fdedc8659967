"""A made-up population as a FHIR Bulk Data export: ``make demo-population``."""
