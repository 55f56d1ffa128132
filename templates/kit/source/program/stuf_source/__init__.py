"""The hosted side's half of a migration: reading, credentials with an end, freezing, redirecting.

Each verb can be typed by root (`stuf-source VERB`) and asked for over SSH, where a forced command calls `serve`.
"""
