"""What a person touches: command line, settings, Dagster definitions, embedded services, simulator."""
