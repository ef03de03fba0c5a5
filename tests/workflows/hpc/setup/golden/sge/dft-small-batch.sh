#!/bin/bash
#$ -q all.q
#$ -N batch_00000000-0000-4000-8000-000000000000
#$ -P materials
#$ -l h_vmem=3840M
#$ -l h_rt=12:00:00
#$ -pe mpi 16
#$ -o /work/lena/cuprolith/batches/dft-small-batch/processes/00/00/00/00000000-0000-4000-8000-000000000000/queue.out
#$ -e /work/lena/cuprolith/batches/dft-small-batch/processes/00/00/00/00000000-0000-4000-8000-000000000000/queue.err
#$ -r n
#$ -S /bin/bash

cd /work/lena/cuprolith/batches/dft-small-batch/processes/00/00/00/00000000-0000-4000-8000-000000000000
cuprolith_stop() { echo "cuprolith: this line of the job script failed: $1" >&2; exit 1; }
unset CUPROLITH_MONGO_PASSWORD
module load intel/2024 || cuprolith_stop 'module load intel/2024'
source /home/lena/venvs/cuprolith/bin/activate || cuprolith_stop 'source /home/lena/venvs/cuprolith/bin/activate'
export OMP_NUM_THREADS=1
export CUPROLITH_WALL_TIME=1800
command -v jf > /dev/null || cuprolith_stop 'jf (jobflow-remote is not in this environment)'
jf -fe execution run-batch /work/lena/cuprolith /work/lena/cuprolith/batches/dft-small-batch/jobs 00000000-0000-4000-8000-000000000000 -mj 100 -mt 41400.0 -mw 120.0 -pj 1 -st 2.0

# submit.sh of each job
#!/bin/bash
exec > /work/lena/cuprolith/aa/bb/cc/example/queue.out
exec 2> /work/lena/cuprolith/aa/bb/cc/example/queue.err

echo example

cd /work/lena/cuprolith/aa/bb/cc/example
export VASP_CMD='mpirun -np $NSLOTS vasp_std'
python -P -m workflows.hpc.submission.execute_in_batch /work/lena/cuprolith/aa/bb/cc/example
