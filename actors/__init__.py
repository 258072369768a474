"""Dramatiq's side: the lanes and who decides on them, the saga coordinator, and the workers that talk to the world."""
