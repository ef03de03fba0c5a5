#!/bin/bash
#PBS -q normal
#PBS -N example
#PBS -A mat-0042
#PBS -l select=1:ncpus=4:mpiprocs=1:ompthreads=4
#PBS -l walltime=04:00:00
#PBS -o /scratch/lena/cuprolith/aa/bb/cc/example/queue.out
#PBS -e /scratch/lena/cuprolith/aa/bb/cc/example/queue.err
#PBS -S /bin/bash

cd /scratch/lena/cuprolith/aa/bb/cc/example
cuprolith_stop() { echo "cuprolith: this line of the job script failed: $1" >&2; exit 1; }
unset CUPROLITH_MONGO_PASSWORD
source /usr/share/modules/init/bash
[ $? -eq 0 ] || cuprolith_stop 'source /usr/share/modules/init/bash'
module purge
[ $? -eq 0 ] || cuprolith_stop 'module purge'
module load gcc/13.2 openmpi/5.0.3
[ $? -eq 0 ] || cuprolith_stop 'module load gcc/13.2 openmpi/5.0.3'
source /opt/miniforge3/etc/profile.d/conda.sh || cuprolith_stop 'source /opt/miniforge3/etc/profile.d/conda.sh'
conda activate cuprolith || cuprolith_stop 'conda activate cuprolith'
export OMP_NUM_THREADS=4
export CUPROLITH_WALL_TIME=14400
command -v jf > /dev/null || cuprolith_stop 'jf (jobflow-remote is not in this environment)'
python -P -m workflows.hpc.submission.execute /scratch/lena/cuprolith/aa/bb/cc/example
