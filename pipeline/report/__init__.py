"""out/report/index.html: a finished run to look at, one file that opens offline."""
