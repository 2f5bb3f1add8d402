"""The curation pipeline: readers, flows, phases and the command that runs them."""

import logging

# Beam warns, each time it is imported, that a package is missing which only gs:// paths need.
logging.getLogger().addFilter(lambda record: "apitools not found" not in record.getMessage())
