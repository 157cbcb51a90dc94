"""Alerts: odd days and data that cannot be trusted, told once to those who should look."""
