"""The curation pipeline: readers, flows, phases and the command that runs them."""
