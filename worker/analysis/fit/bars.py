#!/usr/bin/env python3
"""Fit the model of bars, and write its weights.

    cargo run --release -p analysis --features fitting --example rhythm -- CORPUS/audio/* > CORPUS/features.jsonl
    python3 bars.py --train A P T --check C [--decay 4] [--write ../src/beats/bars/weights.rs]

Each CORPUS is TRUTH:FEATURES, a truth.jsonl (file, corpus, bpm, downbeats, beats_per_bar) and a features.jsonl.
What the weights in the source were fitted on: 167 clips of grooves and dance music (as for `fit.py`; a draw without its Opus clips), the first 200 of
`make_pieces.py` (seed 401) and 240 of `make_tunes.py` (seed 305), with the decay below.
The model: a softmax over metre and phase, of a linear form of the mean evidence at each position of the bar and of the evidence's
autocorrelation at a bar; the loss is the log-likelihood of the true one, plus the decay of all weights. Clips whose beats are
not the true ones are not fitted on, but count in what is reported. Needs numpy.
"""
import argparse
import json
import os

import numpy as np

METRES = 2, 3, 4
HYPOTHESES = [(m, p) for m in METRES for p in range(m)]
NEAR = .07  # seconds


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def features(rows):
    """One row for each hypothesis, in blocks of which those of other metres are zero."""
    count, kinds = rows.shape
    size = {m: kinds * (m + 1) + 1 for m in METRES}
    x = np.zeros((len(HYPOTHESES), sum(size.values())))
    for i, (m, phase) in enumerate(HYPOTHESES):
        means = np.concatenate([rows[(phase + k) % m::m].mean(0) for k in range(m)])
        again = (rows[m:] * rows[:-m]).mean(0)
        at = sum(size[o] for o in METRES if o < m)
        x[i, at:at + size[m]] = np.concatenate([means, again, [1]])
    return x


def agreement(found, truth):
    """F-measure of instants within NEAR."""
    found, truth = np.array(found), np.array(truth)
    truth = truth[truth >= 0]
    if not len(found) or not len(truth):
        return 0.
    met = (np.abs(found[:, None] - truth).min(0) < NEAR).sum()
    return 2 * met / (len(found) + len(truth))


def load(names):
    truth_path, features_path = names.split(':')
    with open(truth_path) as f:
        truth = {stem(t['file']): t for t in map(json.loads, f)}
    clips = []
    with open(features_path) as f:
        for r in map(json.loads, f):
            t, b = truth.get(stem(r['file'])), r['bars']
            if not t or not b or len(b['beats']) < 24:
                continue
            right = np.array([m == t['beats_per_bar'] and agreement(b['beats'][p::m], t['downbeats']) > .8 for m, p in HYPOTHESES])
            clips.append((t['corpus'], features(np.array(b['f'])), right, b['confidence'], np.array(b['f'])))
    return clips


def fit(clips, decay):
    clips = [c for c in clips if c[2].any()]
    x, right = np.stack([c[1] for c in clips]), np.stack([c[2] for c in clips]).astype(float)
    right /= right.sum(1, keepdims=True)
    weights, hessian = np.zeros(x.shape[2]), None
    for _ in range(30):  # Newton's method: the loss is convex.
        chance = softmax(x @ weights)
        slope = np.einsum('ch,chf->f', chance - right, x) + decay * weights
        mean = np.einsum('ch,chf->cf', chance, x)
        hessian = np.einsum('ch,chf,chg->fg', chance, x, x) - mean.T @ mean + decay * np.eye(len(weights))
        weights = weights - np.linalg.solve(hessian, slope)
    return weights


def softmax(scores):
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def judge(clip, weights):
    """Chance of the best hypothesis that it is right, beats included; and whether it is."""
    _, x, right, confidence, evidence = clip
    chance = softmax(x @ weights)
    best = chance.argmax()
    return chance[best] * confidence * lasts(evidence, weights, best), right[best]


def lasts(evidence, weights, best):
    """Whether both halves have the bar begin on the same beat."""
    metre = HYPOTHESES[best][0]
    half = len(evidence) // 2 // metre * metre
    same = [i for i, (m, _) in enumerate(HYPOTHESES) if m == metre]
    halves = [features(part) @ weights for part in (evidence[:half], evidence[half:])]
    return all(scores[same].max() == scores[best] for scores in halves)


def report(name, clips, weights, threshold):
    for corpus in [*sorted({c[0] for c in clips}), None]:
        part = [judge(c, weights) for c in clips if corpus in (c[0], None)]
        given = [r for p, r in part if p >= threshold]
        print(f'{name} {corpus or "all":8} {len(part):4} clips, best right {100 * np.mean([r for _, r in part]):5.1f} %, '
              f'answered {100 * len(given) / len(part):5.1f} %, of these right {100 * np.mean(given or [0]):5.1f} %')


def rows(values, per, indent='        '):
    lines = [values[i:i + per] for i in range(0, len(values), per)]
    return ''.join(f'{indent}[' + ', '.join(f'{v:.4f}' for v in line) + '],\n' for line in lines)


def write(weights, path):
    kinds = (len(weights) - len(METRES)) // sum(m + 1 for m in METRES)
    at, text = 0, '//! Written by `fit/bars.py`, in the order of the evidence.\n\nuse super::evidence::KINDS;\n'
    for m in METRES:
        part = weights[at:at + kinds * (m + 1) + 1]
        at += len(part)
        text += (f'\n/// Bars of {m}: weights of the mean evidence on each beat, of its autocorrelation at a bar, and of the metre itself.\n'
                 f'pub(super) const POSITIONS_{m}: [[f64; KINDS]; {m}] = [\n{rows(part[:kinds * m], kinds, "    ")}];\n'
                 f'pub(super) const AGAIN_{m}: [f64; KINDS] = [{", ".join(f"{v:.4f}" for v in part[kinds * m:-1])}];\n'
                 f'pub(super) const PRIOR_{m}: f64 = {part[-1]:.4f};\n')
    with open(path, 'w') as f:
        f.write(text)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--train', nargs='+', required=True)
    p.add_argument('--check', nargs='*', default=[])
    p.add_argument('--decay', type=float, default=4)
    p.add_argument('--threshold', type=float, default=.85)
    p.add_argument('--write')
    a = p.parse_args()
    weights = fit([c for names in a.train for c in load(names)], a.decay)
    for names in a.check:
        report(names.split(':')[1], load(names), weights, a.threshold)
    if a.write:
        write(weights, a.write)


if __name__ == '__main__':
    main()
