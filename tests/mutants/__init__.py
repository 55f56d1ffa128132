"""Breaks the generator on purpose, in named places, and demands that the phase or test in charge notices each."""
