"""The store, feedback, repeat suppression and the report."""
