"""What the peers' scripts share: the networks' sizes (as hesse conformance has them), command line, clock and JSON."""

import argparse
import datetime
import json
import sys
import time

QUANTITIES = ["sgd", "psam", "hvp", "sam", "gradient"]

FULL = [
    dict(network="wrn-28-10", kind="wrn", batch=128, depth=28, width=10, size=32, classes=10),
    dict(network="resnet-50", kind="resnet", batch=64, depth=50, size=224, classes=1000),
    dict(network="gpt-2-small", kind="gpt", batch=8, vocab=50257, context=1024, layers=12, heads=12, width=768),
    dict(network="resnet-50", kind="resnet", batch=256, depth=50, size=224, classes=1000),
]
TINY = [
    dict(network="wrn-10-1", kind="wrn", batch=4, depth=10, width=1, size=8, classes=10),
    dict(network="gpt-tiny", kind="gpt", batch=2, vocab=64, context=16, layers=2, heads=2, width=24),
    dict(network="resnet-18", kind="resnet", batch=2, depth=18, size=32, classes=10),
]
# The most telling quantities of every network and precision come before all others: the time may not last.
GROUPS = [["sgd", "psam", "hvp"], ["sam", "gradient"]]
RESNET_BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


def arguments(about, program):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--size", choices=["full", "tiny"], help="by default full on a GPU, tiny elsewhere")
    parser.add_argument("--precision", default="f32,tf32,bf16", help="default: %(default)s; only f32 without a GPU")
    parser.add_argument("--networks", default="", help="only these, by name")
    parser.add_argument("--quantities", default=",".join(QUANTITIES), help="default: %(default)s")
    parser.add_argument("--limit", type=float, default=300, help="seconds; what is not come to is left out (default: %(default)s)")
    parser.add_argument("--out", default=program + ".json", help="default: %(default)s")
    return parser


def cases(options, on_gpu):
    """(network, precision, quantity), in the order of hesse conformance."""
    full = (options.size or ("full" if on_gpu else "tiny")) == "full"
    chosen = options.quantities.split(",")
    for group in GROUPS:
        for precision in options.precision.split(",") if on_gpu else ["f32"]:
            for work in FULL if full else TINY:
                if not options.networks or work["network"] in options.networks.split(","):
                    for quantity in group:
                        if quantity in chosen:
                            yield work, precision, quantity


class Report:
    """Rows as hesse.json has them, written after each, so that what is broken off leaves the rest."""

    def __init__(self, options, program, version, device):
        self.file = options.out
        self.end = time.monotonic() + options.limit
        self.all = dict(
            program=program, version=version, device=device, date=datetime.date.today().isoformat(), rows=[], not_run=[])

    def is_over(self):
        return time.monotonic() > self.end

    def measure(self, program, work, precision, quantity, prepare):
        """prepare() gives (run, wait, peak bytes) of a row, made ready; what it throws becomes the row's error."""
        name = f"{program}: {work['network']} at batch {work['batch']} in {precision}, {quantity}"
        row = dict(program=program, network=work["network"], batch=work["batch"], precision=precision, quantity=quantity)
        if self.is_over():
            self.all["not_run"].append(name)
        else:
            try:
                start = time.monotonic()
                run, wait, peak = prepare()
                row.update(clock(run, wait))
                row.update(compile_seconds=time.monotonic() - start, bytes=peak())
                print(f"{name}: {row['milliseconds']:.2f} ms", file=sys.stderr)
            except Exception as e:
                row["error"] = (str(e) or repr(e)).splitlines()[0][:300]
                print(f"{name}: {row['error']}", file=sys.stderr)
            self.all["rows"].append(row)
        with open(self.file, "w") as out:
            json.dump(self.all, out, indent=1)


def clock(run, wait, rounds=7, seconds=3.0):
    """Median of rounds, each of as many runs as a tenth of a second takes: what hesse conformance does."""
    for _ in range(4):
        run()
    wait()

    def timed(n):
        start = time.perf_counter()
        for _ in range(n):
            run()
        wait()
        return time.perf_counter() - start

    runs = max(1, min(10_000, int(0.1 / max(timed(1), 1e-7))))
    end = time.monotonic() + seconds
    times = []
    while len(times) < rounds and (len(times) < 2 or time.monotonic() < end):
        times.append(1e3 * timed(runs) / runs)
    times.sort()
    median = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2
    return dict(milliseconds=median, least=times[0], most=times[-1], rounds=len(times), runs_per_round=runs)
