"""Runs nnU-Net's own check on a data set's folder: silent about nothing, and exit code 0 where nothing is wrong."""

import sys

from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

if __name__ == "__main__":
    verify_dataset_integrity(sys.argv[1], num_processes=1)
