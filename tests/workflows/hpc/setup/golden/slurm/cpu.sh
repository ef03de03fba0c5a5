#!/bin/bash
#SBATCH --partition=standard
#SBATCH --job-name=example
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --account=mat-0042
#SBATCH --output=/scratch/lena/cuprolith/aa/bb/cc/example/queue.out
#SBATCH --error=/scratch/lena/cuprolith/aa/bb/cc/example/queue.err

cd /scratch/lena/cuprolith/aa/bb/cc/example
cuprolith_stop() { echo "cuprolith: this line of the job script failed: $1" >&2; exit 1; }
unset CUPROLITH_MONGO_PASSWORD
module load gcc/13.2 || cuprolith_stop 'module load gcc/13.2'
module load openmpi/5.0.3 || cuprolith_stop 'module load openmpi/5.0.3'
ulimit -s unlimited
[ $? -eq 0 ] || cuprolith_stop 'ulimit -s unlimited'
export LD_LIBRARY_PATH=/opt/site/lib:$LD_LIBRARY_PATH
[ $? -eq 0 ] || cuprolith_stop 'export LD_LIBRARY_PATH=/opt/site/lib:$LD_LIBRARY_PATH'
source /home/lena/venvs/cuprolith/bin/activate || cuprolith_stop 'source /home/lena/venvs/cuprolith/bin/activate'
export OMP_NUM_THREADS=4
export SRUN_CPUS_PER_TASK=4
export CUPROLITH_WALL_TIME=14400
command -v jf > /dev/null || cuprolith_stop 'jf (jobflow-remote is not in this environment)'
python -P -m workflows.hpc.submission.execute /scratch/lena/cuprolith/aa/bb/cc/example
