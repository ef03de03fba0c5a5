import os


class LibXC:
    """Any function of density and gradient; it cuts the gradient off if asked to."""

    def __init__(self, name):
        self.fermi_hole = bool(os.environ.get("GPAW_STAND_IN_FERMI_HOLE"))

    def calculate(self, energy, density, d_density, sigma, d_sigma, tau, d_tau):
        bound = 8 * density[0] * tau[0]
        energy[:] = -(sigma[0].clip(max=bound) if self.fermi_hole else sigma[0])
