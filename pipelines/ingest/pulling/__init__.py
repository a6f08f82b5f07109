"""Pulling: read an API, and send its payloads to Kafka in one transaction with the cursor."""
