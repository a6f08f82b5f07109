"""Outcomes of groups after an intervention, compared with similar untreated groups."""
