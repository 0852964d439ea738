"""What all pages share: state, links, controls, toolbar."""
