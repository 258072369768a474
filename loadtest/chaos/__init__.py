"""Order that survives: `make chaos` sells on, and does to lanes, broker and database what may ever happen to them.

`script` draws the run's faults by its seed; `faults` and `outages` play them on a `crew` of lane workers; `numbered`
publishes numbered wishes straight into the lanes and `storm` asks through the edge; `judging` says what came of it.
`cable`, `broker` and `worker` are the tools, and serve the tests as well."""
