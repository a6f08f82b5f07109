"""From Kafka into the lake, exactly once: raw, then events and quarantine; and from files into Kafka (replay)."""
