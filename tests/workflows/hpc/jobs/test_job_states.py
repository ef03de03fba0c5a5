import pytest

from workflows.hpc.jobs.job_states import STOPPED_STATES, UNDERWAY_STATES, WORDS, word_of


def test_every_state_of_jobflow_remote_has_its_place():
    state = pytest.importorskip("jobflow_remote.jobs.state")
    batch = ("BATCH_SUBMITTED", "BATCH_RUNNING")  # no worker of ours runs batches
    for each in (each for each in state.JobState if each.value not in batch):
        assert (word_of(each.value) in WORDS) != (each.value in STOPPED_STATES)
    assert set(UNDERWAY_STATES) == set(state.RUNNING_STATES_V) - set(batch)


@pytest.mark.parametrize("unknown", ["HIBERNATED", "", "completed", "USER_STOPPED"])
def test_a_state_that_is_none_of_the_four_words(unknown):
    assert word_of(unknown) is None
