"""The race: seqnet beside Keras on its backends, PyTorch and scikit-learn, each in a process of its own."""
