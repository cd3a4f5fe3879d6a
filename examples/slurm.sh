#!/bin/bash
# One list on sixteen nodes: sbatch examples/slurm.sh
# Each task fetches its share. A task that failed: sbatch --array=3 with --shard auto/16.
#SBATCH --job-name=haul
#SBATCH --array=0-15
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@60
set -euo pipefail

list=${LIST:-urls.txt}
folder=${FOLDER:-data}

exec haul --shard auto -d "$folder" --failed "failed-$SLURM_ARRAY_TASK_ID.txt" "$list"
