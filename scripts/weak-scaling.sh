#!/usr/bin/env bash
# Weak scaling on one machine, for a quiet one: in each round a process by itself, N ranks that compute together, and N processes that have
# nothing to do with each other, all of one thread and with as many examples for each. Prints a table in Markdown: samples per second
# and rank in steady state, how ranks compare with one process (>= 0.9 is wanted) and with the unrelated processes, which share
# the machine's memory, cores and caches but exchange nothing, and the part of a step that a rank is in exchanges, waiting included. What is
# timed are the lines of timings.jsonl after the warm-up, a step with its wait for data each; the median of a run, and the median of
# the rounds' ratios. The warm-up is to outlast the JIT compiler, which works on one core beside a process of one thread but has none to
# itself beside N of them on N cores.
#
#   scripts/weak-scaling.sh [RANKS] [CONFIG] [EXAMPLES PER RANK]      default: 2 fashion-cnn 128
#
# ROUNDS=3, STEPS=120 and WARMUP=80 of them, METHOD='{kind: psam, rho: 0.1}', BIND=none (or core), HESSE=./hesse
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
n=${1:-2} config=${2:-fashion-cnn} each=${3:-128}
rounds=${ROUNDS:-3} steps=${STEPS:-120} warmup=${WARMUP:-80} method=${METHOD:-"{kind: psam, rho: 0.1}"} hesse=${HESSE:-./hesse}
command -v mpirun >/dev/null || {
    echo "weak-scaling: mpirun is needed (apt-get install openmpi-bin)" >&2
    exit 1
}
((steps > warmup)) || {
    echo "weak-scaling: STEPS ($steps) is to be more than WARMUP ($warmup)" >&2
    exit 2
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$hesse" --version >&2 # builds, if it has to

train() { # folder, batch, launcher...; ended after its steps, which spares the evaluation at the end of a run
    local folder=$1 batch=$2 process
    shift 2
    "$@" "$hesse" train "$config" --backend cpu --threads 1 --quiet --out "$out/$folder" --set "method=$method" \
        --set data.batch="$batch" --set train.steps=1000000 --set train.log_every=1 --set train.eval_every=1000000 \
        >"$out/$folder.log" 2>&1 &
    process=$!
    while (($(cat "$out/$folder/timings.jsonl" 2>/dev/null | wc -l) < steps)); do
        kill -0 "$process" 2>/dev/null || {
            cat "$out/$folder.log" >&2
            return 1
        }
        sleep 0.5
    done
    kill -TERM "$process"
    wait "$process" || true
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

python3 - "$out" "$n" "$each" "$rounds" "$warmup" "$steps" "$config" "$method" <<'PY'
import json, statistics, sys
out, n, each, rounds, warmup, steps = sys.argv[1], *map(int, sys.argv[2:7])
def lines(folder):
    return [json.loads(l) for l in open(f"{out}/{folder}/timings.jsonl")][warmup:steps]
def rate(folder):
    return each / statistics.median(l["seconds"] + l["data_wait_seconds"] for l in lines(folder))
def exchanging(folder):
    return statistics.median(l.get("exchange_seconds", 0) / l["seconds"] for l in lines(folder))
print(f"`{sys.argv[7]}`, `{sys.argv[8]}`, {each} examples per rank and step, one thread each: samples per second and rank\n")
print(f"| round | one process | {n} ranks | ratio | in exchanges | {n} unrelated processes | {n} ranks / these |")
print("| --- | --- | --- | --- | --- | --- | --- |")
weak, against = [], []
for i in range(1, rounds + 1):
    one, ranks = rate(f"one-{i}"), rate(f"ranks-{i}")
    apart = statistics.mean(rate(f"apart-{i}-{r}") for r in range(n))
    weak.append(ranks / one)
    against.append(ranks / apart)
    print(f"| {i} | {one:.1f} | {ranks:.1f} | {weak[-1]:.3f} | {100 * exchanging(f'ranks-{i}'):.1f} % | {apart:.1f} | {against[-1]:.3f} |")
print(f"| median | | | **{statistics.median(weak):.3f}** | | | {statistics.median(against):.3f} |")
PY
