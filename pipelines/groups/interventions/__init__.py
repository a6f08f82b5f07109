"""What became of groups after an intervention, beside comparable untreated ones."""
