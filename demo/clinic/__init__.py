"""The clinic's pages: they behave as an EHR towards the service, over its public API only."""
