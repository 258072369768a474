"""Load and judgement: customer journeys, races, the verdict, chaos, and the Razorpay emulator."""
