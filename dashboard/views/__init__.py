"""Charts that several pages show, with their facts: the strip, the curve, the ledger, training."""
