"""Everything that speaks against an exam as it was sent, told at once, before any network runs."""
