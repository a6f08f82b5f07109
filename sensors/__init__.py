"""Jobs, sensors and schedules: thin shells around decisions in `pipelines`."""
