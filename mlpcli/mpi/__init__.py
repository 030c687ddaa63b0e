"""Training by several processes, which mpiexec has started and which exchange gradients by MPI."""
