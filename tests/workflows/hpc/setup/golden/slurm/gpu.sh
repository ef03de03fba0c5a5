#!/bin/bash
#SBATCH --partition=gpu
#SBATCH --job-name=example
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=24:00:00
#SBATCH --account=mat-0042-gpu
#SBATCH --gres=gpu:a100:1
#SBATCH --output=/scratch/lena/cuprolith/aa/bb/cc/example/queue.out
#SBATCH --error=/scratch/lena/cuprolith/aa/bb/cc/example/queue.err

cd /scratch/lena/cuprolith/aa/bb/cc/example
cuprolith_stop() { echo "cuprolith: this line of the job script failed: $1" >&2; exit 1; }
unset CUPROLITH_MONGO_PASSWORD
module load gcc/13.2 || cuprolith_stop 'module load gcc/13.2'
module load openmpi/5.0.3 || cuprolith_stop 'module load openmpi/5.0.3'
module load cuda/12.8 || cuprolith_stop 'module load cuda/12.8'
ulimit -s unlimited
[ $? -eq 0 ] || cuprolith_stop 'ulimit -s unlimited'
export LD_LIBRARY_PATH=/opt/site/lib:$LD_LIBRARY_PATH
[ $? -eq 0 ] || cuprolith_stop 'export LD_LIBRARY_PATH=/opt/site/lib:$LD_LIBRARY_PATH'
source /home/lena/venvs/cuprolith/bin/activate || cuprolith_stop 'source /home/lena/venvs/cuprolith/bin/activate'
export OMP_NUM_THREADS=16
export SRUN_CPUS_PER_TASK=16
export CUPROLITH_WALL_TIME=86400
export TORCH_HOME='/scratch/lena/torch home'
command -v jf > /dev/null || cuprolith_stop 'jf (jobflow-remote is not in this environment)'
python -P -m workflows.hpc.submission.execute /scratch/lena/cuprolith/aa/bb/cc/example
