#!/usr/bin/env bash
# Weak scaling on one machine: a process by itself against N ranks of one thread each with as many examples per rank, in turn, three times.
# Prints the medians of a step's seconds and their ratio (1 = perfect). Usage: scripts/weak-scaling.sh [N] [CONFIG] [EXAMPLES PER RANK]
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
n=${1:-2} config=${2:-fashion-cnn} each=${3:-128}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
run() { # name, batch, launcher...
    local name=$1 batch=$2
    shift 2
    "$@" ./hesse train "$config" --backend cpu --threads 1 --quiet --set method.kind=psam --set method.rho=0.1 \
        --set data.batch="$batch" --set train.steps=60 --set train.eval_every=1000 --out "$out/$name" >/dev/null 2>&1
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["timing"]["step_seconds"])' "$out/$name/summary.json"
}
for i in 1 2 3; do
    run "one-$i" "$each" env >>"$out/one"
    run "ranks-$i" $((n * each)) mpirun --oversubscribe --allow-run-as-root --bind-to core -n "$n" >>"$out/ranks"
done
one=$(sort -n "$out/one" | sed -n 2p) ranks=$(sort -n "$out/ranks" | sed -n 2p)
python3 -c "print(f'one process {$one:.4f} s, $n ranks {$ranks:.4f} s, efficiency {$one / $ranks:.3f}')"
