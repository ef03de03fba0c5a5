"""Trainings share the machine, measurements have it alone."""

import threading
import time

import psutil

from training.tuning.machine import measuring_lock, training_lock, watch_other_load


def started(block, events, name):
    """Run a block of 0.3 s in a thread, and return the thread once the block has begun or waits."""

    def work():
        with block():
            events.append(f"{name} begins")
            time.sleep(0.3)
            events.append(f"{name} ends")

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.1)
    return thread


def events_of(*blocks):
    events = []
    threads = [started(block, events, name) for name, block in blocks]
    for thread in threads:
        thread.join(timeout=20)
    return events


def test_trainings_overlap():
    events = events_of(("a", training_lock), ("b", training_lock))
    assert events[:2] == ["a begins", "b begins"]


def test_measurements_wait_for_trainings_and_for_each_other():
    events = events_of(
        ("training", training_lock), ("one", measuring_lock), ("two", measuring_lock)
    )
    for begin, end in zip(events[::2], events[1::2], strict=True):
        assert begin.split()[0] == end.split()[0]
    assert events[0] == "training begins"


def test_trainings_wait_for_a_measurement():
    events = events_of(("measurement", measuring_lock), ("training", training_lock))
    assert events == ["measurement begins", "measurement ends", "training begins", "training ends"]


def test_own_work_is_not_the_load_of_others():
    other_load, started, own = watch_other_load(), time.monotonic(), time.process_time()
    while time.monotonic() < started + 0.5:
        pass
    own_cores = (time.process_time() - own) / (time.monotonic() - started)
    assert 0 <= other_load() <= psutil.cpu_count() - own_cores + 0.2
