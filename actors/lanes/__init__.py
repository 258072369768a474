"""The lane as a log: messages as they travel, publishing with confirms, and the verified, batched reading of a stream."""
