"""The parts that pages put together."""
