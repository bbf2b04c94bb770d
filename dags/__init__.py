"""Airflow's side of the pipeline: when a night runs and what its tasks are. Nothing else imports this package."""
