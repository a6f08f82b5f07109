"""When things run: jobs, sensors, schedules. Thin shells around decisions that live in `pipelines`."""
