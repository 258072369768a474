"""The pure core: messages, refusals, sagas, and one module each for money, time and identity.  No I/O, no clock."""
