"""Arrays of files and of programs: data sets, and new rows for trained networks."""
