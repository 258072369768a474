"""Letters, tickets and codes: plain values in, bytes out.  Knows no database, no environment and no clock."""
