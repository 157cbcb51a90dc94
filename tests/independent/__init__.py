"""Marts computed a second time, in pandas and straight from published files, sharing no code with dbt."""
