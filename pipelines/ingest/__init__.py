"""From Kafka into the lake, exactly once: raw records, then events and quarantine; and from files into Kafka (replay)."""
