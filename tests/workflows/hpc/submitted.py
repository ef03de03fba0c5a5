"""Jobs in jobflow-remote's database, put there by jobflow-remote itself."""

from datetime import UTC, datetime

from jobflow import Flow, Response, job

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@job
def double(number):
    return 2 * number


@job
def fan_out(n_jobs):
    """Lead to a chain of jobs."""
    jobs = [double(1)]
    while len(jobs) < n_jobs:
        jobs.append(double(jobs[-1].output))
    return Response(output=n_jobs, detour=Flow(jobs))


def submit(controller, n_jobs=1, *, campaign="li-cu", stage="label", resource="dft-small"):
    """Add a flow of independent jobs; return their database ids."""
    jobs = [double(number) for number in range(n_jobs)]
    for each in jobs:
        each.name = stage
        each.update_metadata({"campaign": campaign, "stage": stage, "resource": resource})
    return controller.add_flow(Flow(jobs, name=campaign), worker=resource)


def submit_chain(controller, n_jobs=2):
    """Add a flow of jobs each of which needs the one before; return their database ids."""
    jobs = [double(1)]
    while len(jobs) < n_jobs:
        jobs.append(double(jobs[-1].output))
    for each in jobs:
        each.update_metadata({"campaign": "li-cu", "stage": "label", "resource": "cpu"})
    return controller.add_flow(Flow(jobs), worker="cpu")


def put(controller, db_id, state, **values):
    """Write what a runner would have written."""
    written = {"state": state, "updated_on": values.pop("updated_on", NOW), **values}
    controller.jobs.update_one({"db_id": db_id}, {"$set": written})


def state(controller, db_id):
    return controller.jobs.find_one({"db_id": db_id})["state"]
