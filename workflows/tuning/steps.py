"""The steps of a study: metadata of its jobs, which a scheduler may ask as well."""

STEP = "step"
PROPOSE, TRAIN, MEASURE, TELL = "propose", "train", "measure", "tell"

RESOURCE = "resource"
RESOURCES = {PROPOSE: "cpu", TRAIN: "gpu", MEASURE: "gpu", TELL: "cpu"}
