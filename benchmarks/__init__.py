"""Measurements of this machine; every figure that the docs name comes from here."""
