"""What is run by hand, from the repository's root: latencies, and the pictures of the documentation."""
