"""The receiver of webhooks: a delivery is verified, produced to Kafka, and answered once it is safe."""
