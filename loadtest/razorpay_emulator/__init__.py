"""A stand-in for Razorpay on one machine: its REST API, Checkout, signed webhooks, and calls to play buyer and weather.

`__main__` starts it, `server` puts it together. `provider` holds the rules of money, `state` what is remembered,
`rest`, `checkout` and `control` the three ways in, `webhooks` the way out. It imports nothing of the product and the
product imports nothing of it: they meet over HTTP only, as with the real provider.
"""
