"""Training of the models that the pipeline judges with: `python -m pipeline.train`."""
