"""How Frontrow runs: the one-machine supervisor (`python -m compose`), the mailbox, container files and the lock."""
