"""Shows the service at work on one machine. Never in the wheel, never for real patients."""
