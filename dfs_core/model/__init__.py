"""The network: options, blocks, policies, and what they cost."""
