"""One network for many towers: trained on all of them at once, on one device or several, and taken to others."""
