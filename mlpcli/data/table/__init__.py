"""Tables in files and data frames: their text or arrays, what their columns hold, and the data set of it."""
