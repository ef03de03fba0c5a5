import json

import pytest
from pydantic import ValidationError

from workflows.engines.gpaw.settings import GpawSettings


def test_parameters_are_the_papers_where_they_carry_over():
    parameters = GpawSettings().parameters((9, 9, 1), use_symmetry=False)
    assert parameters["mode"] == {"name": "pw", "ecut": 520}
    assert parameters["xc"] == "MGGA_X_R2SCAN+MGGA_C_R2SCAN"
    assert parameters["kpts"] == {"size": [9, 9, 1], "gamma": True}
    assert parameters["symmetry"] == {"point_group": False}
    assert GpawSettings().kpoint_length == 32
    assert json.loads(json.dumps(parameters)) == parameters


@pytest.mark.parametrize("wrong", [{"command": " "}, {"functional": "hse06"}, {"cutof": 500}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        GpawSettings(**wrong)
