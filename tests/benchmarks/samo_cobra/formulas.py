"""The formulas of the 17 problems, as the authors of SAMO-COBRA evaluated them.

They follow the test functions in the authors' repository (RoydeZomer/SAMO-COBRA), so that
hypervolumes compare; where these differ from the literature, the function says so. Each maps
designs (n, d) to objectives (n, m), minimised, and constraints (n, c), feasible where at most 0.
"""

from __future__ import annotations

import numpy as np


def _stacked(*values: np.ndarray) -> np.ndarray:
    return np.stack(values, axis=-1)


def bnh(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Binh & Korn 1997; there, y² in the first constraint and (y + 3)² in the second."""
    a, b = x.T
    objectives = _stacked(4 * a**2 + 4 * b**2, (a - 5) ** 2 + (b - 5) ** 2)
    return objectives, _stacked((a - 5) ** 2 + b - 25, 7.7 - (a - 8) ** 2 - (b - 3) ** 2)


def cexp(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """CONSTR: Deb 2001, section 7."""
    a, b = x.T
    return _stacked(a, (1 + b) / a), _stacked(6 - b - 9 * a, 1 + b - 9 * a)


def srn(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Srinivas & Deb 1994."""
    a, b = x.T
    objectives = _stacked(2 + (a - 2) ** 2 + (b - 1) ** 2, 9 * a - (b - 1) ** 2)
    return objectives, _stacked(a**2 + b**2 - 225, a - 3 * b + 10)


def tnk(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tanaka et al. 1995; there, arctan(x/y)."""
    a, b = x.T
    ripple = 0.1 * np.cos(16 * np.arctan(b / a))
    return x.copy(), _stacked(1 + ripple - a**2 - b**2, (a - 0.5) ** 2 + (b - 0.5) ** 2 - 0.5)


def ctp1(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Deb, Pratap & Meyarivan 2001, two constraints."""
    a, b = x.T
    f2 = (1 + b) * np.exp(-a / (1 + b))
    first = 1 - f2 / (0.858 * np.exp(-0.541 * a))
    second = 1 - f2 / (0.728 * np.exp(-0.285 * a))
    return _stacked(a, f2), _stacked(first, second)


def c3dtlz4(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jain & Deb 2014 with two objectives; there, the angle is x^100."""
    radius = 1 + np.sum((x[:, 1:] - 0.5) ** 2, axis=1)
    f1, f2 = radius * np.cos(x[:, 0] * np.pi / 2), radius * np.sin(x[:, 0] * np.pi / 2)
    return _stacked(f1, f2), _stacked(1 - f1**2 / 4 - f2**2, 1 - f2**2 / 4 - f1**2)


def osy(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Osyczka & Kundu 1995."""
    a, b, c, d, e, f = x.T
    f1 = -25 * (a - 2) ** 2 - (b - 2) ** 2 - (c - 1) ** 2 - (d - 4) ** 2 - (e - 1) ** 2
    constraints = _stacked(
        2 - a - b,
        a + b - 6,
        b - a - 2,
        a - 3 * b - 2,
        (c - 3) ** 2 + d - 4,
        4 - (e - 3) ** 2 - f,
    )
    return _stacked(f1, np.sum(x**2, axis=1)), constraints


def tbtd(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two-bar truss, Deb 2001; there, the second objective is the larger of both stresses."""
    y, area_ac, area_bc = x.T
    volume = area_ac * np.sqrt(16 + y**2) + area_bc * np.sqrt(1 + y**2)
    stress_ac = 20 * np.sqrt(16 + y**2) / (y * area_ac)
    stress_bc = 80 * np.sqrt(1 + y**2) / (y * area_bc)
    constraints = _stacked(volume - 0.1, stress_ac - 1e5, stress_bc - 1e5)
    return _stacked(volume, stress_ac), constraints


def nbp(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nowacki's beam (Forrester, Sobester & Keane 2008): N, mm, MPa."""
    height, breadth = x.T
    length, force, young, poisson, shear_modulus = 1500.0, 5000.0, 216620.0, 0.27, 86650.0
    area = breadth * height
    bending = 6 * force * length / (breadth * height**2)
    vertical, lateral = breadth * height**3 / 12, breadth**3 * height / 12
    deflection = force * length**3 / (3 * young * vertical)
    stiffness = shear_modulus * (vertical + lateral) * young * lateral / (1 - poisson**2)
    constraints = _stacked(
        deflection - 5,
        bending - 240,
        1.5 * force / area - 120,
        height / breadth - 10,
        2 * force - 4 / length**2 * np.sqrt(stiffness),
    )
    return _stacked(area, bending), constraints


def dbd(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Disc brake, Osyczka & Kundu 1995: mass and stopping time."""
    inner, outer, force, n_surfaces = x.T
    squares, cubes = outer**2 - inner**2, outer**3 - inner**3
    mass = 4.9e-5 * squares * (n_surfaces - 1)
    stopping = 9.82e6 * squares / (force * n_surfaces * cubes)
    constraints = _stacked(
        20 - (outer - inner),
        2.5 * (n_surfaces + 1) - 30,
        force / (3.14 * squares) - 0.4,
        2.22e-3 * force * cubes / squares**2 - 1,
        900 - 2.66e-2 * force * n_surfaces * cubes / squares,
    )
    return _stacked(mass, stopping), constraints


def spd(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bulk carrier, Parsons & Scott 2004: transport cost, light ship mass, − annual cargo."""
    length, beam, depth, draught, knots, block = x.T
    displacement = 1.025 * length * beam * draught * block
    froude = 0.5144 * knots / np.sqrt(9.8065 * length)
    slope = -10847.2 * block**2 + 12817 * block - 6960.32
    offset = 4977.06 * block**2 - 8105 * block + 4456.51
    power = displacement ** (2 / 3) * knots**3 / (offset + slope * froude)
    machinery = 0.17 * power**0.9
    outfit = length**0.8 * beam**0.6 * depth**0.3 * block**0.1
    steel = 0.034 * length**1.7 * beam**0.7 * depth**0.4 * block**0.5
    light_ship = steel + outfit + machinery
    deadweight = displacement - light_ship

    sea_days = 5000 / (24 * knots)
    daily_fuel = 0.19 * power * 24 / 1000 + 0.2
    cargo = deadweight - daily_fuel * (sea_days + 5) - 2 * np.sqrt(deadweight)
    trips = 350 / (sea_days + 2 * (cargo / 8000 + 0.5))
    voyage_cost = (1.05 * daily_fuel * sea_days * 100 + 6.3 * deadweight**0.8) * trips
    ship_cost = 1.3 * (2000 * steel**0.85 + 3500 * outfit + 2400 * power**0.8)
    annual_cost = 0.2 * ship_cost + 40000 * deadweight**0.3 + voyage_cost
    annual_cargo = cargo * trips

    stability = 0.53 * draught + (0.085 * block - 0.002) * beam**2 / (draught * block)
    constraints = _stacked(
        6 - length / beam,
        length / depth - 15,
        length / draught - 19,
        draught - 0.45 * deadweight**0.31,
        draught - 0.7 * depth - 0.7,
        3000 - deadweight,
        deadweight - 500000,
        froude - 0.32,
        0.07 * beam - (stability - 1 - 0.52 * depth),
    )
    return _stacked(annual_cost / annual_cargo, light_ship, -annual_cargo), constraints


def srd(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Speed reducer (Golinski 1970).

    The last two constraints have 1.691⁷ and 1.5751⁸ outside the root, where the literature has
    1.69·10⁷ and 1.575·10⁸ inside: they never bind, and the feasible set is larger.
    """
    face, module, teeth, l1, l2, d1, d2 = x.T
    load1, load2 = 745 * l1 / (module * teeth), 745 * l2 / (module * teeth)
    weight = (
        0.7854 * face * module**2 * (10 * teeth**2 / 3 + 14.933 * teeth - 43.0934)
        - 1.508 * face * (d1**2 + d2**2)
        + 7.477 * (d1**3 + d2**3)
        + 0.7854 * (l1 * d1**2 + l2 * d2**2)
    )
    stress = np.sqrt(load1**2 + 1.691e7) / (0.1 * d1**3)
    constraints = _stacked(
        1 / (face * module**2 * teeth) - 1 / 27,
        1 / (face * module**2 * teeth**2) - 1 / 397.5,
        l1**3 / (module * teeth * d1**4) - 1 / 1.93,
        l2**3 / (module * teeth * d2**4) - 1 / 1.93,
        module * teeth - 40,
        face / module - 12,
        5 - face / module,
        1.9 - l1 + 1.5 * d1,
        1.9 - l2 + 1.1 * d2,
        (np.abs(load1) + 1.691**7) / (0.1 * d1**3) - 1300,
        (np.abs(load2) + 1.5751**8) / (0.1 * d2**3) - 1100,
    )
    return _stacked(weight, stress), constraints


def wb(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Welded beam (Ragsdell & Phillips 1976; Rao 1996): cost and end deflection, in psi and inch.

    Deb's two-objective version, which others run, has other shear and buckling formulas.
    """
    weld, length, height, breadth = x.T
    load, overhang, young, shear_modulus = 6000.0, 14.0, 30e6, 12e6
    arm = (weld + height) / 2
    radius = np.sqrt(length**2 / 4 + arm**2)
    throat = np.sqrt(2) * weld * length
    primary = load / throat
    secondary = load * (overhang + length / 2) * radius / (2 * throat * (length**2 / 12 + arm**2))
    shear = np.sqrt(primary**2 + primary * secondary * length / radius + secondary**2)
    bending = 6 * load * overhang / (breadth * height**2)
    slenderness = 1 - height / (2 * overhang) * np.sqrt(young / (4 * shear_modulus))
    buckling = 4.013 * young * height * breadth**3 / 6 / overhang**2 * slenderness
    cost = 1.10471 * weld**2 * length + 0.04811 * height * breadth * (overhang + length)
    deflection = 4 * load * overhang**3 / (young * breadth * height**3)
    constraints = _stacked(
        shear - 13600, bending - 30000, weld - breadth, 0.125 - weld, load - buckling
    )
    return _stacked(cost, deflection), constraints


def tricop(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """VIENNET4 (Viennet, Fonteix & Marc 1996) with wider bounds."""
    a, b = x.T
    objectives = _stacked(
        (a - 2) ** 2 / 2 + (b + 1) ** 2 / 13 + 3,
        (a + b - 3) ** 2 / 175 + (2 * b - a) ** 2 / 17 - 13,
        (3 * a - 2 * b + 4) ** 2 / 8 + (a - b + 1) ** 2 / 27 + 15,
    )
    return objectives, _stacked(4 * a + b - 4, -1 - a, a - b - 2)


def csi(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Car side impact, Jain & Deb 2014: mass, force on the pelvis, mean velocity of the pillar."""
    a, b, c, d, e, f, g = x.T
    mass = 1.98 + 4.9 * a + 6.67 * b + 6.98 * c + 4.01 * d + 1.78 * e + 1e-5 * f + 2.73 * g
    force = 4.72 - 0.5 * d - 0.19 * b * c
    pillar = 10.58 - 0.674 * a * b - 0.67275 * b
    door = 16.45 - 0.489 * c * g - 0.843 * e * f
    upper_rib = 0.261 - 0.0159 * a * b - 0.06486 * a - 0.019 * b * g + 0.0144 * c * e
    middle_rib = 0.214 + 0.00817 * e - 0.045195 * a - 0.0135168 * a + 0.03099 * b * f
    deflection = 33.86 + 2.95 * c - 5.057 * a * b - 3.795 * b - 3.4431 * g + 1.45728
    constraints = _stacked(
        1.16 - 0.3717 * b * d - 0.0092928 * c - 1,
        upper_rib + 0.0154464 * f - 0.32,
        middle_rib - 0.018 * b * g + 0.030408 * c - 0.00364 * e * f - 0.018 * b**2 - 0.32,
        0.74 - 0.61 * b - 0.031296 * c - 0.031872 * g + 0.227 * b**2 - 0.32,
        28.98 + 3.818 * c - 4.2 * a * b + 1.27296 * f - 2.68065 * g - 32,
        deflection - 32,
        46.36 - 9.9 * b - 4.4505 * a - 32,
        force - 4,
        pillar - 9.9,
        door - 15.7,
    )
    return _stacked(mass, force, 0.5 * (pillar + door)), constraints


def bicop1(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Datta & Regis 2016; as coded by the authors, g ≥ 0 always holds."""
    g = 1 + np.sum(x[:, 1:], axis=1)
    f1 = x[:, 0] * g
    return _stacked(f1, g - np.sqrt(f1 / g)), -g[:, None]


def bicop2(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Datta & Regis 2016; there, g is the sum of squares, here the square of the sum."""
    g = np.sum(x[:, 1:] - np.sin(np.pi / 2 * x[:, :1]), axis=1) ** 2
    return _stacked(x[:, 0] + g, 1 - x[:, 0] ** 2 + g), _stacked(0.1 - g, g - 0.9)
