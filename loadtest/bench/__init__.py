"""The bench: what Frontrow does in a second, beside what its bare parts do on the same machine in the same run."""
