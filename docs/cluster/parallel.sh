#!/bin/bash
# The lines of runs.txt on this machine, two at a time, by GNU parallel. What is done stays done: --resume makes it a no-operation.
# Each line becomes a whole command, for parallel would quote its words into one. Without it: ... | xargs -P 2 -d '\n' -n 1 bash -c
awk '{ print "./hesse train cifar-cnn " $0 " --threads 8 --out runs/line-" NR " --resume" }' runs.txt |
    parallel --jobs 2 --joblog runs.log
