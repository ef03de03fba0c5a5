"""INCAR tags that cannot change the energy, forces and stress of given positions.

Every other tag is compared (`fingerprint`), so a tag belongs here only if one
of the reasons below is true of it. Meanings: https://www.vasp.at/wiki, one page per tag.
"""

from __future__ import annotations

HARMLESS: dict[str, str] = {
    "how the work is shared among processors, and how fast it is": (
        "NPAR NCORE NCORE_IN_IMAGE1 KPAR NSIM NBLK LPLANE LSCALAPACK LSCAAWARE LSCALU LASYNC "
        "LORBITALREAL MAXMEM NTAUPAR NOMEGAPAR OMEGAPAR TAUPAR LFOCKACE LUSENCCL"
    ),
    "what is written to files, or computed after the electronic loop from its result": (
        "SYSTEM NWRITE LPETIM IDIOT LWAVE LCHARG LVTOT LVHAR LELF LAECHG LORBIT NEDOS EMIN "
        "EMAX EFERMI LPARD EINT NBMOD IBAND KPUSE LSEPB LSEPK STM LDAUPRINT LDOWNSAMPLE "
        "KBLOWUP LH5 LCHARGH5 LWAVEH5 LVGVCALC LOPTICS LNABLA LVEL CSHIFT LEPSILON LRPA LPEAD "
        "IPEAD LMETAGGA LCALCPOL LBERRY IGPAR NPPSTR LEFG QUAD_EFG LHYPERFINE NGYROMAG "
        "LKPOINTS_OPT KPOINTS_OPT_MODE LWANNIER90 LWANNIER90_RUN NUM_WANN WANNIER90_WIN "
        "LOCPROJ LWRITE_* LWRT_* LVACPOTAV VACPOTFLAT LSYNCH5 LCHIMAG ORBITALMAG LMAGBLOCH "
        "LGAUGE MAGATOM MAGDIPOL MAGPOS AVECCONST NUCIND LNICSALL DQ LLRAUG LBONE PHON_* "
        "ELPH_* DEG_THRESHOLD RTIME WPLASMA WPLASMAI DFIELD LRPAFORCE KINTER LINTERFAST"
    ),
    "how atoms and cell move from one ionic step to the next, and when they stop; what PSTRESS "
    "adds to energies is taken off again": (
        "PSTRESS NSW IBRION ISIF EDIFFG POTIM NFREE NBLOCK KBLOCK NPACO APACO MDALGO SMASS "
        "TEBEG TEEND TEIN POMASS PMASS LANGEVIN_* ANDERSEN_PROB CSVR_PERIOD NHC_* NSUBSYS "
        "TSUBSYS PSUBSYS RANDOM_SEED RANDOM_GENERATOR PCG_SEED LATTICE_CONSTRAINTS LBLUEOUT "
        "INCREM SHAKEMAXITER SHAKETOL DAMP_NEWTON STOP_ON VELOCITY LMUSIC IOPT MAXMOVE "
        "ILBFGSMEM ICHAIN LCLIMB SPRING IMAGES TIMESTEP FDSTEP LGLOBAL LAUTOSCALE INVCURV "
        "LLINEOPT FTIMEMAX FTIMEDEC FTIMEINC FALPHA FNMIN SDALPHA DROTMAX DFNMIN DFNMAX "
        "LNEBCELL LTANGENTOLD"
    ),
    "how the electronic loop reaches selfconsistency, and how many steps it may take; a step "
    "that does not reach it is set aside by itself": (
        "ALGO IALGO NELM NELMIN NELMDL LDIAG LSUBROT TIME NRMM EBREAK DEPER WEIMIN AMIX BMIX "
        "AMIN AMIX_MAG BMIX_MAG IMIX INIMIX MIXPRE MIXFIRST MREMOVE MAXMIX WC LMAXMIX LMIXTAU "
        "IWAVPR ISTART ICHARG INIWAV ENINI NMIN NREBOOT IRESTART TURBO EREF LMAXTAU_MIX NELMHF"
    ),
    "what belongs to one structure: grids, bands, moments, the dipole correction of a slab "
    "with two different faces; the charge is compared instead of NELECT": (
        "MAGMOM NGX NGY NGZ NGXF NGYF NGZF NBANDS NBANDSLOW NBANDSHIGH NELECT LDIPOL IDIPOL "
        "DIPOL M_CONSTR RWIGS"
    ),
    "k-points (the lengths of the meshes are compared), and the symmetry that reduces them": (
        "KSPACING KGAMMA ISYM SYMPREC"
    ),
    "VASP's own force field: its steps have no electronic loop and are set aside one by one": (
        "ML_*"
    ),
    "many-body methods; a run that uses one is no label, see ALGO in "
    ":mod:`workflows.engines.vasp.not_labels`": (
        "MODEL_EPS0 MODEL_ALPHA LFINITE_TEMPERATURE LADDER LFXC LHARTREE IBSE KPOINT "
        "KPOINT_BSE LTCTC LTCTE LTETE LTRIPLET LFXCEPS LFXHEG NATURALO LHOLEGF L2ORDER LDMP1 "
        "LMP2LT LSMP2LT LGWLF ENCUTGW ENCUTGWSOFT ENCUTLF LESF_SPLINES LMAXMP2 SCISSOR NOMEGA "
        "NOMEGAR NBANDSGW NBANDSGWLOW NBANDSO NBANDSV NBANDSLF NBANDS_WAVE NELMGW DIM IESPILON "
        "ANTIRES OMEGAMAX OMEGAMIN OMEGATL OMEGAGRID LSELFENERGY SELFENERGY LSPECTRAL "
        "LSPECTRALGW LUSEW LSINGLES LFERMIGW ODDONLYGW EVENONLYGW NKREDLFX NKREDLFY NKREDLFZ "
        "TELESCOPE IALL_IN_ONE LALL_IN_ONE ISPECIAL"
    ),
}
"""Tags by the reason why they decide no label; ``ML_*`` means all that begin so."""

_TAGS = [tag for tags in HARMLESS.values() for tag in tags.split()]
_NAMES = frozenset(tag for tag in _TAGS if tag[-1] != "*")
_PREFIXES = tuple(tag[:-1] for tag in _TAGS if tag[-1] == "*")


def is_harmless(tag: str) -> bool:
    """Return whether a tag, in upper case, cannot change a label."""
    return tag in _NAMES or tag.startswith(_PREFIXES)
