"""What charts share: palette, legends, blocks and stages."""
