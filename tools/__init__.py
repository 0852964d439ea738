"""What is run by hand, from the repository's root: latencies, hostile input, soaks, the documentation's pictures."""
