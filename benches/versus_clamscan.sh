#!/usr/bin/env bash
# Candor and clamscan on the same files with the same signatures, in turn, in one run.
# usage: versus_clamscan.sh CANDOR_BINARY SIGNATURE_DIR TREE [RUNS]
# Needs Debian's clamav and time. Prints wall and CPU seconds, peak memory, and the ratios of the medians, the
# CPU seconds with the start taken off. One thread each.
set -euo pipefail
candor=$1 signatures=$2 tree=$3 runs=${4:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head -c 1000 /dev/zero | tr '\0' x >"$work/one.txt"
"$candor" db build --output "$work/candor.db" "$signatures" >/dev/null 2>&1
measure() {
  local label=$1
  shift
  /usr/bin/time -f "%e %U %S %M" -o "$work/time" "$@" >/dev/null 2>&1 || true
  # Where the status is not 0, GNU time says so in a line before.
  tail -n 1 "$work/time" | awk -v label="$label" '{print label, $1, $2 + $3, $4}' >>"$work/all"
}
for _ in $(seq "$runs"); do
  measure candor-start "$candor" scan --database "$work/candor.db" --threads 1 "$work/one.txt"
  measure clamscan-start clamscan --no-summary -d "$signatures" "$work/one.txt"
  measure candor-scan "$candor" scan --database "$work/candor.db" --threads 1 "$tree"
  measure clamscan-scan clamscan --no-summary -r -i -d "$signatures" --max-filesize=2000M --max-scansize=2000M "$tree"
done
python3 - "$work/all" <<'PY'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    label, *figures = line.split()
    rows.setdefault(label, []).append([float(figure) for figure in figures])
median = {label: [statistics.median(column) for column in zip(*figures)] for label, figures in rows.items()}
for label, (wall, cpu, kilobytes) in median.items():
    print(f"{label:15} wall {wall:8.3f} s  CPU {cpu:8.3f} s  peak {kilobytes / 1024:7.1f} MB")
net = lambda program: max(median[program + "-scan"][1] - median[program + "-start"][1], 1e-3)
print(f"throughput: {net('clamscan') / net('candor'):.1f} times clamscan (CPU, start taken off)")
print(f"start:      {median['clamscan-start'][0] / max(median['candor-start'][0], 1e-3):.0f} times faster")
print(f"peak:       {median['clamscan-scan'][2] / median['candor-scan'][2]:.1f} times less memory")
PY
