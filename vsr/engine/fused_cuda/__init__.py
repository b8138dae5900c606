"""Narrow networks as CUDA kernels that are generated for the network."""
