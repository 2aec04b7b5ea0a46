"""Figures by subject. They draw numbers that `lad.evaluation` computes, and compute none of their own."""
