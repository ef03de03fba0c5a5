#!/bin/bash
#$ -q all.q
#$ -N example
#$ -P materials
#$ -l h_rt=48:00:00
#$ -pe mpi 64
#$ -o /work/lena/cuprolith/aa/bb/cc/example/queue.out
#$ -e /work/lena/cuprolith/aa/bb/cc/example/queue.err
#$ -S /bin/bash

cd /work/lena/cuprolith/aa/bb/cc/example
cuprolith_stop() { echo "cuprolith: this line of the job script failed: $1" >&2; exit 1; }
unset CUPROLITH_MONGO_PASSWORD
module load intel/2024 || cuprolith_stop 'module load intel/2024'
source /home/lena/venvs/cuprolith/bin/activate || cuprolith_stop 'source /home/lena/venvs/cuprolith/bin/activate'
export OMP_NUM_THREADS=1
export CUPROLITH_WALL_TIME=172800
command -v jf > /dev/null || cuprolith_stop 'jf (jobflow-remote is not in this environment)'
export VASP_CMD='mpirun -np $NSLOTS vasp_std'
python -P -m workflows.hpc.submission.execute /work/lena/cuprolith/aa/bb/cc/example
