"""A login provider for development: speaks as Google (OpenID Connect) and as GitHub (OAuth) do, and believes whatever
address is typed into its page.  It listens on this machine only, and never runs in production."""
