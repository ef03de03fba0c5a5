"""What a circuit is worth: redundancy, Fisher information, Fourier terms, entanglement."""
