"""Figures, a module for each subject; `style` has what they share."""
