#!/bin/bash
# The lines of runs.txt on this machine, two at a time, by GNU parallel. What is done stays done: --resume makes it a no-operation.
# Without GNU parallel: xargs -P 2 does as well.
parallel --jobs 2 --colsep '\n' --joblog runs.log \
    './hesse train cifar-cnn {1} --threads 8 --out runs/line-{#} --resume' :::: runs.txt
