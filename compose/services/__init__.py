"""The private servers of a stack: how each is set up, started, asked whether it is ready, and mended."""
