"""The files of a campaign's folder on the cluster, small."""

RESULTS = [
    "campaign.yaml",
    "crystals/Cu-0123/it's Cu.cif",
    "dataset/dataset.json",
    "dataset/train.extxyz",
    "environment.json",
    "labels/labels.json",
    "report/figures/parity.png",
    "report/index.html",
    "structures/structures.json",
    "timings.json",
    "training/allegro/best.ckpt",
    "training/allegro/deployed/model.nequip.zip",
    "training/allegro/metrics/version_0/metrics.csv",
    "training/allegro/result.json",
    "tuning/allegro/pareto.json",
    "tuning/allegro/report.html",
    "tuning/allegro/study.db",
    "tuning/allegro/study.json",
    "tuning/allegro/trials/0/trial.json",
]
LABEL_RESULT = "labels/results/0a/0a1b.json.gz"
REST = [
    "labels/log.jsonl",
    "training/allegro/last.ckpt",
    "training/allegro/scratch/part",
    "tuning/allegro/jobs/results/0a/0a1b.json.gz",
    "tuning/allegro/trials/0/training/best.ckpt",
]
STAYS = [
    ".lock",
    "labels/jobs/0a/0a1b.json.gz",
    "labels/results/0a/.0a1b.json.gz.partial",
    "labels/runs/vasp/slab-1/OUTCAR",
    "queue/7.json",
    "report/.index.html.partial",
]


def write_campaign(folder, names=(*RESULTS, LABEL_RESULT, *REST, *STAYS)):
    for name in names:
        write(folder, name, f"content of {name}")


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names_in(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".fetched.json", ".lock", ".lock.json")
    )
