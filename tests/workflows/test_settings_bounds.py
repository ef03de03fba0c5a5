"""What holds for every setting of every file that a person writes."""

import math

import pytest
from pydantic import ValidationError

from workflows.hpc.setup.scheduler import SCHEDULERS
from workflows.inputs.campaign import Campaign
from workflows.inputs.campaign_errors import CampaignError
from workflows.inputs.training_file import TrainingFile, load_training_file

# Ends and values of a search space: each is tried as the setting that it stands for.
OF_SEARCH_SPACES = ("low", "high", "values", "choices")
BOUNDS = ({"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"})


def numbers(schema, place=""):
    """All numbers in a JSON schema, with the path to each."""
    if isinstance(schema, list):
        for part in schema:
            yield from numbers(part, place)
    elif isinstance(schema, dict):
        if schema.get("type") in ("number", "integer"):
            yield place, schema
        for key, part in schema.items():
            if key not in ("default", "const", "enum", "description", "title", "required"):
                inner = key not in ("properties", "$defs", "anyOf", "items", "prefixItems")
                yield from numbers(part, f"{place}.{key}" if inner else place)


MODELS = [Campaign, TrainingFile, *(scheduler.settings for scheduler in SCHEDULERS)]


@pytest.mark.parametrize("model", MODELS)
def test_every_number_has_a_least_and_a_largest_value(model):
    found = list(numbers(model.model_json_schema()))
    assert len(found) > 10
    unbounded = [
        place
        for place, schema in found
        if place.rpartition(".")[2] not in OF_SEARCH_SPACES
        # A function checks INCAR tags: tests/workflows/engines/vasp/test_settings.py
        and not all(bound & schema.keys() for bound in BOUNDS)
    ]
    assert unbounded == []


PATHS = [
    ("crystals", "Cu", "a"),
    ("seed",),
    ("structures", "bulk", "strains", 0),
    ("structures", "bulk", "supercell", 0),
    ("engine", "relax", "fmax"),
    ("engine", "melt_quench", "cooling_rate"),
    ("dataset", "split", "val"),
    ("training", "model", "r_max"),
    ("training", "max_epochs"),
    ("tuning", "limits", "peak_memory"),
]


def campaign(path, value):
    content = {
        "name": "c",
        "crystals": {"Cu": {"prototype": "fcc", "a": 3.6}},
        "structures": {"bulk": {"strains": [0.0], "supercell": [1, 1, 1]}},
    }
    place = content
    for key in path[:-1]:
        place = place.setdefault(key, {}) if isinstance(key, str) else place[key]
    place[path[-1]] = value
    return content


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e308, True, "1", [1], {}])
def test_nothing_else_is_taken_for_a_number(path, value):
    with pytest.raises(ValidationError):
        Campaign.model_validate(campaign(path, value))


@pytest.mark.parametrize("value", [1, 0, "yes", "true", None])
def test_nothing_else_is_taken_for_true_or_false(value):
    with pytest.raises(ValidationError):
        Campaign.model_validate(campaign(("crystals", "Cu", "relax"), value))


@pytest.mark.parametrize(
    ("search_space", "said"),
    [
        ("model.r_max: {type: float, low: 4, high: .inf}", "finite"),
        ("model.r_max: {type: float, low: 4, high: 1e6}", "less than or equal to 30"),
        ("num_workers: {type: int, low: 0, high: 4}", "the same for all trials"),
        ("batch_size: {type: int, low: 1, high: 1e9}", "valid integer"),
        ("batch_size: {type: ordinal, values: [1, .nan]}", "finite"),
        ("dtype: {type: categorical, choices: [float32, 3]}", "float64"),
        ("../x: {type: int, low: 1, high: 2}", "no value of a training"),
    ],
)
def test_what_is_searched_is_bounded_as_what_is_set(search_space, said, tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(
        "name: t\ndata: {source: dataset, directory: d}\n"
        f"tuning:\n  search_space:\n    {search_space}\n"
    )
    with pytest.raises(CampaignError, match=r"t\.yaml:5: .*" + said) as caught:
        load_training_file(path)
    assert "search_space" in str(caught.value)
