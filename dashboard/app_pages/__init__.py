"""One file a page; each puts panels together and holds no logic."""
