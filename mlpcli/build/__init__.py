"""The one place where a name in the config becomes an object."""
