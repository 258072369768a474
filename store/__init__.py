"""All that is remembered: the only SQL, the only Redis keys, and the settings."""
