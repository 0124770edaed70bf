#!/usr/bin/env bash
# Weak scaling on one machine, for a quiet one: in each round a process by itself, N ranks that compute together, and N processes that have
# nothing to do with each other, all of one thread and with as many examples for each. Prints a table in Markdown: samples per second
# and rank in steady state, and how ranks compare with one process (>= 0.9 is wanted) and with the unrelated processes, which share
# the machine's memory, cores and caches but exchange nothing. What is timed are the lines of timings.jsonl after the warm-up, a step
# with its wait for data each; the median of a run, and the median of the rounds' ratios.
#
#   scripts/weak-scaling.sh [RANKS] [CONFIG] [EXAMPLES PER RANK]      default: 2 fashion-cnn 128
#
# ROUNDS=5, STEPS=40 and WARMUP=20 of them, METHOD='{kind: psam, rho: 0.1}', BIND=none (or core), HESSE=./hesse
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
n=${1:-2} config=${2:-fashion-cnn} each=${3:-128}
rounds=${ROUNDS:-5} steps=${STEPS:-40} warmup=${WARMUP:-20} method=${METHOD:-"{kind: psam, rho: 0.1}"} hesse=${HESSE:-./hesse}
command -v mpirun >/dev/null || {
    echo "weak-scaling: mpirun is needed (apt-get install openmpi-bin)" >&2
    exit 1
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$hesse" --version >&2 # builds, if it has to

train() { # folder, batch, launcher...
    local folder=$1 batch=$2
    shift 2
    "$@" "$hesse" train "$config" --backend cpu --threads 1 --quiet --out "$out/$folder" --set "method=$method" \
        --set data.batch="$batch" --set train.steps="$steps" --set train.log_every=1 --set train.eval_every=1000000 \
        >"$out/$folder.log" 2>&1 || {
        cat "$out/$folder.log" >&2
        return 1
    }
}

for ((i = 1; i <= rounds; i++)); do
    train "one-$i" "$each" env
    train "ranks-$i" $((n * each)) mpirun --oversubscribe --allow-run-as-root --mca mpi_yield_when_idle 1 --bind-to "${BIND:-none}" -n "$n"
    jobs=()
    for ((r = 0; r < n; r++)); do
        train "apart-$i-$r" "$each" env &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job"; done
    echo "round $i of $rounds" >&2
done

python3 - "$out" "$n" "$each" "$rounds" "$warmup" "$config" "$method" <<'PY'
import json, statistics, sys
out, n, each, rounds, warmup = sys.argv[1], *map(int, sys.argv[2:6])
def rate(folder):
    lines = [json.loads(l) for l in open(f"{out}/{folder}/timings.jsonl")][warmup:]
    return each / statistics.median(l["seconds"] + l["data_wait_seconds"] for l in lines)
print(f"`{sys.argv[6]}`, `{sys.argv[7]}`, {each} examples per rank and step, one thread each: samples per second and rank\n")
print(f"| round | one process | {n} ranks | ratio | {n} unrelated processes | {n} ranks / these |")
print("| --- | --- | --- | --- | --- | --- |")
weak, against = [], []
for i in range(1, rounds + 1):
    one, ranks = rate(f"one-{i}"), rate(f"ranks-{i}")
    apart = statistics.mean(rate(f"apart-{i}-{r}") for r in range(n))
    weak.append(ranks / one)
    against.append(ranks / apart)
    print(f"| {i} | {one:.1f} | {ranks:.1f} | {weak[-1]:.3f} | {apart:.1f} | {against[-1]:.3f} |")
print(f"| median | | | **{statistics.median(weak):.3f}** | | {statistics.median(against):.3f} |")
PY
