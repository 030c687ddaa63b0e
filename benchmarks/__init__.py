"""Speed and numbers, measured beside those of peers; no part of the installed package."""
