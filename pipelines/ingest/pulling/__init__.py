"""Pulling: an API is asked, and what it brings goes into Kafka in one transaction with how far it was read."""
