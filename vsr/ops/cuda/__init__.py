"""Image operations on an NVIDIA GPU: which kernels run, over which blocks, with which arguments.

Nothing here talks to a GPU: an operation turns views of device memory into `Launch`es, and whoever owns the
stream executes them. So the same launches run on a CPU, by the kernels' host build, in tests/cuda.
"""
