#!/usr/bin/env bash
# Completes the folder of the distribution (its lib/ and runtime/ are there) and packs it: the same input gives the same bytes.
# package.sh <repository root> <folder> <name> <time of every entry>
set -euo pipefail
root=$1 folder=$2 name=$3 time=$4
install -D -m 755 "$root/hesse" "$folder/bin/hesse"
install -D -m 755 "$root/bench/src/packaging/hesse-conformance" "$folder/bin/hesse-conformance"
install -D -m 755 -t "$folder/bin" "$root/scripts/gpu-proof"
install -D -m 644 -t "$folder/peers" "$root"/bench/peers/*.py
install -m 644 "$root/LICENSE" "$root/NOTICE" "$root/README.md" "$root/CHANGELOG.md" "$folder"
if [[ -e $root/target/bom.json ]]; then
    install -m 644 "$root/target/bom.json" "$folder"
else
    echo "packed without the bill of materials, which Maven writes only online" >&2
fi
tar --create --directory="$folder" --transform="s,^\.,$name," --sort=name --mtime="$time" --owner=0 --group=0 --numeric-owner \
    --mode=u+rwX,go+rX-w . | gzip -9n >"$folder/../$name.tar.gz"
