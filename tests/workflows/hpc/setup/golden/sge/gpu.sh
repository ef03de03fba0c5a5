#!/bin/bash
#$ -q gpu.q
#$ -N example
#$ -P materials
#$ -l h_vmem=8192M,gpu=1
#$ -l h_rt=24:00:00
#$ -pe smp 8
#$ -o /work/lena/cuprolith/aa/bb/cc/example/queue.out
#$ -e /work/lena/cuprolith/aa/bb/cc/example/queue.err
#$ -S /bin/bash

cd /work/lena/cuprolith/aa/bb/cc/example
cuprolith_stop() { echo "cuprolith: this line of the job script failed: $1" >&2; exit 1; }
unset CUPROLITH_MONGO_PASSWORD
module load intel/2024 || cuprolith_stop 'module load intel/2024'
source /home/lena/venvs/cuprolith/bin/activate || cuprolith_stop 'source /home/lena/venvs/cuprolith/bin/activate'
export OMP_NUM_THREADS=8
export CUPROLITH_WALL_TIME=86400
command -v jf > /dev/null || cuprolith_stop 'jf (jobflow-remote is not in this environment)'
python -P -m workflows.hpc.submission.execute /work/lena/cuprolith/aa/bb/cc/example
