"""HTTP in, one message out: checks who asks and what is asked, publishes, and answers.  Decides nothing."""
