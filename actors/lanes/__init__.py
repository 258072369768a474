"""The lane as a log: messages on their way, publishing with confirms, and reading streams, verified and in batches."""
