"""Flows with every kind of Response, for the runner's tests; run as a script, one of them."""

import json
import os
import sys
import time
from pathlib import Path

from jobflow import Flow, JobConfig, OnMissing, Response, job
from jobflow.core.flow import JobOrder

from workflows.jobs.job_execution import OutputStore
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.runner import run_flows

# What the jobs have done, in order: "<name> <uuid>" lines, to count executions from outside.
TRACE = "RUNNER_SAMPLES_TRACE"


def run_flow(flow, folder, observer=None, **options):
    """Run one flow."""
    return run_flows([flow], folder, observer, **options)


def stored(folder):
    """Return what a run stored, in the order of execution, without times."""
    results = sorted(
        (folder.result(name).document["completed_at"], name) for name in folder.results()
    )
    return [
        (
            document["uuid"],
            document["index"],
            document["name"],
            document["metadata"],
            json.dumps(folder.output(document["uuid"], document["index"]), sort_keys=True),
        )
        for document in (folder.result(name).document for _, name in results)
    ]


def count(folder):
    return sum(1 for _ in folder.results())


def output(folder, *parts):
    """Return the output of a job as jobs that refer to it see it."""
    return OutputStore(folder).get_output(stable_uuid(*map(str, parts)), load=True)


def forget(folder, *parts):
    """Remove what a job gave."""
    folder.path_of_result(stable_uuid(*map(str, parts))).unlink()


def named(made, *parts):
    """Give a job a uuid and a name of its own."""
    made.set_uuid(stable_uuid(*map(str, parts)))
    made.name = "-".join(map(str, parts))
    return made


def trace(what):
    if TRACE in os.environ:
        with Path(os.environ[TRACE]).open("a") as stream:
            stream.write(f"{what}\n")


@job
def add(a, b=1):
    trace(f"add {a} {b}")
    return a + b


@job(data="frames")
def label(number):
    trace(f"label {number}")
    return {"energy": number / 3, "frames": [[number * 0.1, float(i)] for i in range(50)]}


@job
def total(documents):
    return sum(document["energy"] + sum(map(sum, document["frames"])) for document in documents)


@job(data="frames")
def slow_label(number, seconds):
    time.sleep(seconds)
    return {"energy": number / 3, "frames": [[number * 0.1, float(i)] for i in range(50)]}


@job
def segment(start, name, index, last, seconds=0.0):
    """Continue a chain: each job runs one segment and adds the next as a detour."""
    time.sleep(seconds)
    trace(f"segment {name} {index}")
    state = start * 1.1 + index
    following = None
    if index < last:
        following = named(segment(state, name, index + 1, last, seconds), name, index + 1)
    return Response(output=state, detour=following)


@job
def fan_out(name, width, depth, seconds=0.0):
    """Add a flow of labels and, below it, another fan."""
    time.sleep(seconds)
    jobs = [named(slow_label(k, seconds), name, depth, "label", k) for k in range(width)]
    if depth:
        jobs.append(named(fan_out(name, width, depth - 1, seconds), name, depth - 1, "fan"))
        jobs.append(named(segment(1.0, f"{name}-{depth}", 0, 2, seconds), f"{name}-{depth}", 0))
    return Response(output={"depth": depth}, detour=Flow(jobs, name=f"{name} {depth}"))


@job
def replace_by_job(a):
    return Response(replace=named(add(a, 10), "replaced", a))


@job
def replace_by_flow(a):
    first = named(add(a, 10), "inner first", a)
    second = named(add(first.output, 100), "inner second", a)
    return Response(output="unused", replace=Flow([first, second], output=second.output))


@job
def replace_by_list(a):
    return [named(add(a, 1), "listed", a), named(add(a, 2), "listed too", a)]


@job
def replace_by_dict(a):
    return {"x": named(add(a, 1), "x", a), "y": named(add(a, 2), "y", a)}


@job
def replace_again(a):
    if a == 0:
        return "the end"
    return Response(replace=replace_again(a - 1))


@job
def everything_at_once(a):
    return Response(
        output=a,
        replace=named(add(a, 10), "by replace", a),
        detour=named(add(a, 20), "by detour", a),
        addition=Flow([named(add(a, 30), "by addition", a)]),
    )


@job
def fail(message):
    trace(f"fail {message}")
    raise ValueError(message)


@job
def fail_unless(path):
    trace("fail_unless")
    if not Path(path).exists():
        raise RuntimeError("not there yet")
    return "there"


@job
def detour_to_failure(a):
    return Response(output=a, detour=named(fail("inside"), "inside failure"))


@job
def stop_children(a):
    return Response(output=a, stop_children=True)


@job
def stop_all(a):
    return Response(output=a, stop_jobflow=True)


@job(config=JobConfig(on_missing_references=OnMissing.NONE))
def whatever_there_is(values):
    trace("whatever_there_is")
    return values


def replace_flow():
    first = named(replace_by_job(1), "a")
    second = named(replace_by_flow(2), "b")
    third = named(replace_by_list(3), "c")
    fourth = named(replace_by_dict(4), "d")
    last = named(add(first.output, second.output), "sum")
    again = named(replace_again(3), "again")
    return Flow([first, second, third, fourth, last, again])


def detour_flow():
    start = named(segment(2.0, "chain", 0, 4), "chain", 0)
    return Flow([start, named(add(start.output), "after chain")])


def fan_flow(seconds=0.0):
    fans = [named(fan_out(name, 2, 2, seconds), name, 2, "fan") for name in ("one", "two")]
    return Flow([*fans, named(replace_by_flow(5), "replaced at the end")])


def addition_flow():
    return Flow([named(everything_at_once(7), "all"), named(add(1, 1), "other")])


def data_flow():
    labels = [named(label(k), "label", k) for k in range(3)]
    return Flow([*labels, named(total([made.output for made in labels]), "total")])


def stop_children_flow():
    stopper = named(stop_children(1), "stopper")
    child = named(add(stopper.output), "child")
    grandchild = named(add(child.output), "grandchild")
    return Flow([stopper, child, grandchild, named(add(5, 5), "unrelated")])


def stop_all_flow():
    first = named(add(1, 1), "before")
    stopper = named(stop_all(first.output), "stopper")
    return Flow([first, stopper, named(add(stopper.output), "after")])


def failure_flow():
    bad = named(fail("bad luck"), "bad")
    child = named(add(bad.output), "child of bad")
    grandchild = named(add(child.output), "grandchild of bad")
    good = named(add(1, 1), "good")
    tolerant = named(whatever_there_is([bad.output, good.output]), "tolerant")
    inside = named(detour_to_failure(3), "detours to failure")
    return Flow([bad, child, grandchild, good, tolerant, inside])


def nested_flow():
    inner = [named(add(k, k), "inner", k) for k in range(3)]
    sub = Flow(inner, output=inner[-1].output)
    after = named(add(sub.output, 1), "after the inner")
    return Flow([Flow([sub]), after], output=after.output)


def linear_flow():
    jobs = [named(add(k, 0), "linear", k) for k in (3, 1, 2)]
    return Flow([Flow(jobs[:2], order=JobOrder.LINEAR), jobs[2]], order=JobOrder.LINEAR)


FLOWS = {
    flow.__name__: flow
    for flow in (
        replace_flow,
        detour_flow,
        fan_flow,
        addition_flow,
        data_flow,
        stop_children_flow,
        stop_all_flow,
        failure_flow,
        nested_flow,
        linear_flow,
    )
}


def main(folder, seconds):
    from workflows.jobs.job_folder import JobFolder

    jobs = JobFolder(Path(folder) / "labels", Path(folder))
    summary = run_flow(fan_flow(float(seconds)), jobs, log_path=Path(folder) / "log.jsonl")
    print(summary.finished, summary.skipped, summary.failed)


if __name__ == "__main__":
    # functions are stored by module: it must not be __main__
    import runner_samples

    runner_samples.main(*sys.argv[1:])
