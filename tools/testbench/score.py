"""Holds what a scanner found against /labels: score.py LABELS FOUND, where FOUND
has a line "CWE PATH" for each finding. A flaw counts once, whatever its input."""
import json
import sys

labels = {(l["cwe"], l["path"]): l["flaw"] for l in json.load(open(sys.argv[1]))["labels"]}
found = {tuple(line.split()) for line in open(sys.argv[2])}
flaws = {k for k, flaw in labels.items() if flaw}
hit = found & flaws
right = {path for (_, path), flaw in labels.items() if not flaw}
false = {k for k in found if k[1] in right}
print(f"found {len(hit)} of {len(flaws)}, false {len(false)}")
for k in sorted(flaws - hit):
    print("missed", *k)
for k in sorted(false):
    print("false ", *k)
