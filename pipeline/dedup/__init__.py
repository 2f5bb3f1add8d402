"""Finding what several documents share, on packed hashes alone."""
