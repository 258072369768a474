"""What the verdict checks: each check looks at rows from outside and lists those that are wrong.

`tables` is SQL alone; `replay` plays the journal against a naive model; `notes` believes the buyers, `provider` the
emulator and `letters` the mailbox, and each asks whether our tables agree.  `evidence` fetches what they look at.
"""
