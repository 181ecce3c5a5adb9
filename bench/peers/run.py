"""The measurement of bench/peers: see README.md beside it."""
import argparse
import json
import os
import queue
import re
import statistics
import subprocess
import sys
import threading
import time

import numpy

import tensors
import workloads

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OPENBLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"
TORCH_VARIANTS = ["eager-nchw", "eager-channels-last", "scripted-nchw", "scripted-channels-last"]
TOLERANCE = 1e-4  # of outputs and losses, absolute
# A training step is held against one in double precision: of a tensor's gradients the norm of the difference to the
# norm, of its weights after the step the largest difference to the largest weight. Rounding turns some ReLU or
# maximum the other way, so no fixed figure fits all networks: ours must be below this one, or at most twice as far
# from the truth as the best PyTorch variant. A peer is timed whatever its rounding, as long as it is no other network.
STEP_TOLERANCE, PEER_STEP_TOLERANCE = 1e-4, 5e-2
IDLE = 0.1  # processors; a sample with more of others' work is dropped
REST = 0.1  # seconds between turns: until then idle thread pools have stopped spinning
MIN_PAIRS = 5


class PartyError(Exception):
    pass


class Party:
    """A process of its own that runs one workload when told to."""

    def __init__(self, name, command, environment):
        self.name, self.command, self.environment = name, command, environment
        self.process, self.facts, self.lines = None, {}, None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env={**os.environ, **self.environment})
        self.lines, self.errors = queue.Queue(), []
        threading.Thread(target=self.read_lines, daemon=True).start()
        threading.Thread(target=self.read_errors, daemon=True).start()
        self.facts = json.loads(self.expect("ready", 600))
        return self

    def read_lines(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def expect(self, word, seconds=3600):
        line = self.lines.get(timeout=seconds)
        while line is not None and not line.startswith(word):
            line = self.lines.get(timeout=seconds)
        if line is None:
            self.process.wait()
            time.sleep(0.1)
            raise PartyError("%s ended: %s" % (self.name, "; ".join(self.errors[-3:]) or "without a word"))
        return line[len(word):].strip()

    def ask(self, command, word):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # expect() tells why
        return self.expect(word)

    def run(self, n):
        return float(self.ask("run %d" % n, "seconds"))

    def cpu_seconds(self):
        """Of all its threads, in nanosecond steps where the kernel tells them."""
        total = 0
        folder = "/proc/%d/task" % self.process.pid
        for task in os.listdir(folder):
            try:
                with open("%s/%s/schedstat" % (folder, task), encoding="ascii") as stream:
                    total += int(stream.read().split()[0])
            except (OSError, ValueError, IndexError):
                pass
        return 1e-9 * total

    def peak_bytes(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as stream:
            match = re.search(r"VmHWM:\s+(\d+) kB", stream.read())
        return 1024 * int(match.group(1)) if match else 0

    def stop(self):
        if self.process and self.process.poll() is None:
            try:
                self.process.stdin.write("quit\n")
                self.process.stdin.close()
                self.process.wait(timeout=20)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()


def busy_seconds():
    with open("/proc/stat", encoding="ascii") as stream:
        fields = [int(field) for field in stream.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def timed(party, n):
    """One sample: seconds of a run, and processors that anyone else kept busy meanwhile."""
    time.sleep(REST)
    begin, busy, own = time.monotonic(), busy_seconds(), party.cpu_seconds()
    seconds = party.run(n)
    wall = time.monotonic() - begin
    others = ((busy_seconds() - busy) - (party.cpu_seconds() - own)) / wall
    return {"party": party.name, "seconds": seconds, "others": round(max(0.0, others), 3)}


# ---- parties ----

def thread_environment(threads):
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
    return {name: str(threads) for name in names}


def our_party(options, workload, folder, threads):
    return Party("anatome", [options.bench_peer, workload, folder, str(threads)], thread_environment(threads))


def torch_party(workload, folder, threads, variant):
    environment = {**thread_environment(threads),
                   "LD_LIBRARY_PATH": OPENBLAS + ":" + os.environ.get("LD_LIBRARY_PATH", "")}
    script = os.path.join(HERE, "torch_party.py")
    return Party("torch " + variant, [sys.executable, script, workload, folder, str(threads), variant], environment)


def peer_parties(options, workload, folder, threads):
    peers = [torch_party(workload, folder, threads, variant) for variant in TORCH_VARIANTS]
    modules = os.path.join(options.peers, "node_modules")
    if not workloads.is_training(workload) and os.path.isdir(os.path.join(modules, "onnxruntime-node")):
        peers.append(Party("onnxruntime", ["node", os.path.join(HERE, "ort_party.js"), folder, str(threads)],
                           {**thread_environment(threads), "NODE_PATH": modules}))
    return peers


# ---- the same answers? ----

def outputs_of(party, workload, path):
    party.start()
    try:
        if workloads.is_training(workload) and party.name.startswith("torch"):
            party.ask("keep", "kept")
        party.run(1)
        party.ask("outputs " + path, "written")
        return tensors.read(path), party.facts
    finally:
        party.stop()
        if os.path.exists(path):
            os.remove(path)


def relative(a, b):
    return float(numpy.linalg.norm(a - b) / max(numpy.linalg.norm(b), 1e-30))


def weight_difference(after, exact, name):
    """Adam's first step is as long as the rate whichever way a gradient of nothing points: where it is next to
    nothing, elements are left out."""
    a, b = after["after." + name].ravel(), exact["after." + name].ravel()
    gradient = exact.get("gradient." + name)
    kept = numpy.abs(gradient.ravel()) > 1e-2 * numpy.abs(gradient).max() if gradient is not None else slice(None)
    return float(numpy.abs(a - b)[kept].max(initial=0) / max(numpy.abs(b).max(), 1e-30))


def compare_training(step, exact):
    names = [key[len("after."):] for key in exact if key.startswith("after.")]
    gradients = {name: relative(step["gradient." + name].ravel(), exact["gradient." + name].ravel())
                 for name in names if "gradient." + name in exact}
    weights = {name: weight_difference(step, exact, name) for name in names}
    worst_gradient, worst_weight = max(gradients, key=gradients.get), max(weights, key=weights.get)
    return {"loss": float(step["loss"][0]), "loss_difference": abs(float(step["loss"][0]) - float(exact["loss"][0])),
            "gradient_difference": gradients[worst_gradient], "gradient_worst": worst_gradient,
            "gradient_median": statistics.median(gradients.values()),
            "weight_difference": weights[worst_weight], "weight_worst": worst_weight}


def is_near(entry, gradient_tolerance, weight_tolerance):
    return (entry["loss_difference"] <= TOLERANCE and entry["gradient_difference"] <= gradient_tolerance
            and entry["weight_difference"] <= weight_tolerance)


def judge_our_step(report):
    """No further from the truth than PyTorch, or next to nothing."""
    peers = [entry for name, entry in report.items() if name != "anatome" and "gradient_difference" in entry]

    def limit(key):
        return max([STEP_TOLERANCE] + [2 * min(entry[key] for entry in peers)] if peers else [STEP_TOLERANCE])
    report["anatome"]["agrees"] = is_near(report["anatome"], limit("gradient_difference"), limit("weight_difference"))


def compare_outputs(ours, theirs):
    worst = max(float(numpy.abs(ours[key].ravel() - theirs[key].ravel()).max()) for key in theirs)
    return {"difference": worst, "largest": float(numpy.abs(ours["logits"]).max()), "agrees": worst <= TOLERANCE}


def compare_peer(ours, exact, theirs):
    if exact is None:
        return compare_outputs(ours, theirs)
    entry = compare_training(theirs, exact)
    return {**entry, "agrees": is_near(entry, PEER_STEP_TOLERANCE, PEER_STEP_TOLERANCE)}


def exact_step(workload, folder, threads):
    """The training step in double precision; slow, so it is kept in the folder beside the inputs it belongs to."""
    path = os.path.join(folder, "exact.safetensors")
    if not os.path.exists(path):
        say("  (a step in double precision, to compare with: a minute or more)")
        party = torch_party(workload, folder, threads, "exact")
        step, _ = outputs_of(party, workload, path + ".new")
        tensors.write(path, step)
    return tensors.read(path)


def check_blas(entry):
    libraries = entry["facts"].get("blas")
    if libraries is not None and not any("openblas-openmp" in name for name in libraries):
        entry.update(agrees=False, error="not on the OpenMP OpenBLAS: %s" % libraries)


def check(options, workload, folder, threads):
    """Every party once, in a process of its own; those that fail or differ are not timed."""
    path = os.path.join(folder, "outputs.safetensors")
    training = workloads.is_training(workload)
    exact = exact_step(workload, folder, max(options.threads)) if training else None
    ours, facts = outputs_of(our_party(options, workload, folder, threads), workload, path)
    report = {"anatome": {"facts": facts, "agrees": True}}
    if training:
        report["anatome"].update(compare_training(ours, exact))
    for peer in peer_parties(options, workload, folder, threads):
        try:
            theirs, facts = outputs_of(peer, workload, path)
            compared = compare_peer(ours, exact, theirs)
            report[peer.name] = {"facts": facts, **compared}
            check_blas(report[peer.name])
        except (PartyError, queue.Empty, KeyError, ValueError) as error:
            report[peer.name] = {"agrees": False, "error": str(error)[:300] or type(error).__name__}
        say("  %-28s %s" % (peer.name, describe_check(report[peer.name])))
    if training:
        judge_our_step(report)
        say("  %-28s %s" % ("anatome", describe_check(report["anatome"])))
    elif "onnxruntime" not in report:
        say("  %-28s not installed, skipped (bench/peers/run --install)" % "onnxruntime")
    return report


def describe_check(entry):
    if "error" in entry:
        return "FAILED: " + entry["error"]
    verdict = "same" if entry["agrees"] else "DIFFERS"
    if "difference" in entry:
        return "%s: outputs within %.1e (largest %.1f)" % (verdict, entry["difference"], entry["largest"])
    return ("%s: from a step in double, loss %.5f differs by %.1e, gradients by %.1e of their norm (worst %.1e, %s), "
            "weights after it by at most %.1e of their largest (%s)" % (
                verdict, entry["loss"], entry["loss_difference"], entry["gradient_median"],
                entry["gradient_difference"], entry["gradient_worst"], entry["weight_difference"],
                entry["weight_worst"]))


# ---- who is faster? ----

def runs_per_sample(party, seconds):
    party.run(1)
    return max(1, round(seconds / max(party.run(1), 1e-6)))


def measure(options, workload, folder, threads, peer_names):
    ours = our_party(options, workload, folder, threads)
    peers = [peer for peer in peer_parties(options, workload, folder, threads) if peer.name in peer_names]
    parties = [ours] + peers
    try:
        counts = {}
        for party in parties:
            party.start()
            counts[party.name] = runs_per_sample(party, options.sample_seconds)
        pairs = []
        for _ in range(options.rounds):
            for peer in peers:
                pairs.append((timed(ours, counts[ours.name]), timed(peer, counts[peer.name])))
        memory = {party.name: party.peak_bytes() for party in parties}
    finally:
        for party in parties:
            party.stop()
    return {"pairs": pairs, "peak_bytes": memory, "runs_per_sample": counts,
            "facts": {party.name: party.facts for party in parties}}


def is_quiet(pair):
    return all(sample["others"] <= IDLE for sample in pair)


def judge(measured, peer):
    """Pairs with others' work in them are dropped, unless too few are left: then the figure says so."""
    pairs = [pair for pair in measured["pairs"] if pair[1]["party"] == peer]
    quiet = [pair for pair in pairs if is_quiet(pair)]
    disturbed = len(quiet) < MIN_PAIRS
    used = pairs if disturbed else quiet
    ours = statistics.median(pair[0]["seconds"] for pair in used)
    theirs = statistics.median(pair[1]["seconds"] for pair in used)
    ratios = sorted(pair[1]["seconds"] / pair[0]["seconds"] for pair in used)
    return {"peer": peer, "pairs": len(pairs), "used": len(used), "disturbed": disturbed, "ours": ours, "theirs": theirs,
            "ratio": theirs / ours, "pair_ratio": statistics.median(ratios), "pair_low": ratios[0],
            "pair_high": ratios[-1], "ours_bytes": measured["peak_bytes"]["anatome"],
            "theirs_bytes": measured["peak_bytes"][peer]}


# ---- report ----

def say(text=""):
    print(text, flush=True)


def load_average():
    return os.getloadavg()[0]


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        match = re.search(r"model name\s*: (.*)", stream.read())
    return match.group(1) if match else "unknown"


HEADER = ("| workload | threads | peer | peer, median ms | ours, median ms | ratio of medians | ratio pair by pair "
          "(lowest to highest) | peak MB, peer / ours | pairs used |")


def table_row(workload, threads, row, is_best):
    mark = "**" if is_best else ""
    return "| %s | %d | %s%s%s | %.2f | %.2f | %s%.2f%s | %.2f (%.2f to %.2f) | %.0f / %.0f | %d of %d%s |" % (
        workload, threads, mark, row["peer"], mark, 1e3 * row["theirs"], 1e3 * row["ours"], mark, row["ratio"], mark,
        row["pair_ratio"], row["pair_low"], row["pair_high"], row["theirs_bytes"] / 1e6, row["ours_bytes"] / 1e6,
        row["used"], row["pairs"], ", **machine busy: not valid**" if row["disturbed"] else "")


def report_lines(results):
    lines = ["Peers beside anatome on %s, %s." % (results["cpu"], results["when"]),
             "Load average %.2f at the start, %.2f at the end. The best peer of a workload is bold; a ratio above 1 means "
             "that we are faster." % (results["load_start"], results["load_end"]), "", HEADER, "| --- " * 9 + "|"]
    for entry in results["results"]:
        rows = sorted(entry["rows"], key=lambda row: row["theirs"])
        lines += [table_row(entry["workload"], entry["threads"], row, row is rows[0]) for row in rows]
        if rows:
            ours = entry["measured"]["facts"]["anatome"]
            lines.append("| %s | %d | *anatome alone* | | %.2f | %.1f GFLOP/s | | | |" % (
                entry["workload"], entry["threads"], 1e3 * rows[0]["ours"], ours["gflop"] / rows[0]["ours"]))
    return lines


def save(options, results):
    with open(os.path.join(options.out, "peers.json"), "w", encoding="utf-8") as stream:
        json.dump(results, stream, indent=1)
    with open(os.path.join(options.out, "peers.md"), "w", encoding="utf-8") as stream:
        stream.write("\n".join(report_lines(results)) + "\n")


def parse():
    parser = argparse.ArgumentParser(prog="bench/peers/run", description="anatome beside PyTorch and ONNX Runtime, "
                                     "same weights, same answers, interleaved runs. README.md beside it says more.")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="for peers.md, peers.json and the files of the runs")
    parser.add_argument("--threads", default="1", help="for example 1,2 (default 1)")
    parser.add_argument("--workloads", default=",".join(workloads.NAMES), help="some of: %(default)s")
    parser.add_argument("--rounds", type=int, default=9, help="pairs of each peer (default %(default)s)")
    parser.add_argument("--sample-seconds", type=float, default=0.5, help="a sample's length at least (default %(default)s)")
    parser.add_argument("--check-only", action="store_true", help="compare the answers and time nothing")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "bench"), metavar="FOLDER",
                        help="build with bench_peer, made there if it is not (default build/bench)")
    parser.add_argument("--peers", default=os.environ.get("ANATOME_PEERS", os.path.expanduser("~/.cache/anatome-peers")),
                        metavar="FOLDER", help="where --install puts onnxruntime-node (default %(default)s)")
    parser.add_argument("--weights", default=os.path.join(ROOT, "models", "mini.safetensors"), metavar="FILE",
                        help="of mini (default models/mini.safetensors)")
    options = parser.parse_args()
    options.threads = [int(n) for n in options.threads.split(",")]
    options.workloads = options.workloads.split(",")
    unknown = set(options.workloads) - set(workloads.NAMES)
    if unknown:
        parser.error("no workload is called " + ", ".join(sorted(unknown)))
    return options


def build_ours(options):
    options.bench_peer = os.path.join(options.build, "bench", "bench_peer")
    if not os.path.exists(os.path.join(options.build, "CMakeCache.txt")):
        subprocess.run(["cmake", "-S", ROOT, "-B", options.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                        "-DANATOME_WERROR=OFF", "-DANATOME_BENCH=ON", "-DANATOME_TESTS=OFF"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", options.build, "--target", "bench_peer"], check=True, stdout=subprocess.DEVNULL)


def prepare(options, workload):
    folder = os.path.join(options.out, workload)
    if os.path.exists(os.path.join(folder, "exact.safetensors")):
        os.remove(os.path.join(folder, "exact.safetensors"))
    workloads.write_files(workload, folder, options.weights)
    if not workloads.is_training(workload):
        workloads.export_onnx(workload, folder)
    return folder


def run_workload(options, workload, folder, threads):
    say("%s, %d thread%s" % (workload, threads, "" if threads == 1 else "s"))
    checked = check(options, workload, folder, threads)
    entry = {"workload": workload, "threads": threads, "check": checked, "rows": []}
    peers = [name for name, result in checked.items() if result["agrees"] and name != "anatome"]
    agree = all(result["agrees"] for result in checked.values())
    if options.check_only or not checked["anatome"]["agrees"]:
        return entry, agree
    entry["measured"] = measure(options, workload, folder, threads, peers)
    entry["rows"] = [judge(entry["measured"], peer) for peer in peers]
    for row in sorted(entry["rows"], key=lambda each: each["theirs"]):
        say("  %-28s %9.2f ms, ours %9.2f ms: %.2f x (pairs %.2f)%s" % (
            row["peer"], 1e3 * row["theirs"], 1e3 * row["ours"], row["ratio"], row["pair_ratio"],
            "  MACHINE BUSY, NOT VALID" if row["disturbed"] else ""))
    return entry, agree


def main():
    options = parse()
    os.makedirs(options.out, exist_ok=True)
    options.out = os.path.abspath(options.out)
    build_ours(options)
    results = {"cpu": cpu_name(), "when": time.strftime("%Y-%m-%d %H:%M"), "rounds": options.rounds,
               "load_start": load_average(), "results": []}
    all_agree = True
    for workload in options.workloads:
        folder = prepare(options, workload)
        for threads in options.threads:
            entry, agree = run_workload(options, workload, folder, threads)
            all_agree = all_agree and agree
            results["load_end"] = load_average()
            results["results"].append(entry)
            if not options.check_only:
                save(options, results)
    if not options.check_only:
        say("\n" + "\n".join(report_lines(results)))
    sys.exit(0 if all_agree else 1)


if __name__ == "__main__":
    main()
