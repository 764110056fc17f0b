#!/usr/bin/env python3
"""Mean and deviation of each number of the similarity vector over a corpus: src/similarity/corpus.rs.

    cargo run --release -p analysis --features fitting --example similarity -- FILE... > numbers.jsonl
    python3 fit/similarity.py numbers.jsonl > src/similarity/corpus.rs

The constants in use are of 335 generated clips of 45 to 60 s: 285 of MIDI grooves (59 families from waltz to salsa, rendered with
FluidR3) and 50 of synthesised dance music (ten styles), in 12 codec settings.
"""
import json
import statistics
import sys

HEAD = '''//! What the numbers are like in a corpus of generated music: printed by `fit/similarity.py`, whose documentation says which.

use super::WIDTH;

/// Mean and standard deviation of each number.
#[rustfmt::skip]
pub(super) const CORPUS: [(f64, f64); WIDTH] = ['''

rows = [json.loads(line)['numbers'] for path in sys.argv[1:] for line in open(path)]
print(HEAD)
for column in zip(*(row for row in rows if row)):
    there = [value for value in column if value is not None]
    print('    (%.5g, %.5g),' % (statistics.fmean(there), statistics.pstdev(there)))
print('];')
