#!/usr/bin/env python3
"""Fit the octave model of the tempo, and write its weights.

    cargo run --release -p analysis --features fitting --example rhythm -- CORPUS/audio/* > CORPUS/features.jsonl
    python3 fit.py --train A B T --check C [--units 8] [--decay 8] [--members 4] [--write ../src/tempo/octave/weights.rs]

Each CORPUS is a folder with truth.jsonl (file, corpus, bpm) and features.jsonl. What the weights in the source were fitted on, Opus clips
decoded to WAV first; 12 units, decay 8, four members:
    443 clips of grooves and dance music with exact tempi (three draws, 101, 102 and 104, of the generator of such clips: 59 families of MMA
        grooves rendered with FluidR3, and ten styles of synthesised dance music)
    239 of `make_tunes.py` (seed 301), 239 of `make_pieces.py` (seed 401)
    200 of `loadtest corpus --seed 5000 --count 200 --seconds 24 --formats ogg` (left out, 92 % of them are right)
    1822 of `make_scores.py`: folk tunes (seeds 501, made before it knew sustained accompaniments, and 504), pop songs (502, 505), lead sheets (503)
What was held out: 140 clips of a fourth draw, by which the number of units was chosen (all right), and 40 folk tunes and 40 pop songs of the same
two collections that `make_scores.py --without` left out, by which it was chosen, too (95 and 80 % right; before these scores were rendered, 80 and
70 %). With all folk tunes left out of the fit, 82 % of them are right, with all pop songs left out, 67 %: so much of the gain is theirs alone.
The model: a softmax over the candidates of a clip, of a linear form of the features and of a few tanh units; the loss is the
log-likelihood of the candidates within 4 % of the truth, plus the decay of all weights. Needs numpy and scipy.
"""
import argparse
import json
import os

import numpy as np
from scipy.optimize import minimize

FURTHEST = 4.  # as in octave.rs


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def load(folder):
    with open(folder + '/truth.jsonl') as f:
        truth = {stem(t['file']): t for t in map(json.loads, f)}
    clips = []
    with open(folder + '/features.jsonl') as f:
        for r in map(json.loads, f):
            t = truth.get(stem(r['file']))
            if t and r['cands']:
                right = np.array([abs(c['bpm'] / t['bpm'] - 1) < .04 for c in r['cands']])
                clips.append((t['corpus'], np.array([c['f'] for c in r['cands']]), right))
    return clips


class Model:
    def __init__(self, clips, units, decay, seed=0):
        clips = [c for c in clips if c[2].any()]
        features = np.concatenate([c[1] for c in clips])
        self.mean, self.deviation = features.mean(0), features.std(0) + 1e-9
        self.count, self.units = features.shape[1], units
        x, right = self.scaled(features), np.concatenate([c[2] for c in clips])
        clip = np.repeat(np.arange(len(clips)), [len(c[2]) for c in clips])
        start = np.random.default_rng(seed).normal(size=self.count * (units + 1) + 2 * units) * .15
        self.weights = minimize(self.loss, start, (x, right, clip, len(clips), decay), 'L-BFGS-B', jac=True, options={'maxiter': 400}).x

    def scaled(self, features):
        return np.clip((features - self.mean) / self.deviation, -FURTHEST, FURTHEST)

    def parts(self, w):
        """Inner weights, offsets, outer weights, direct weights."""
        d, h = self.count, self.units
        return w[:d * h].reshape(d, h), w[d * h:d * h + h], w[d * h + h:d * h + 2 * h], w[d * h + 2 * h:]

    def loss(self, w, x, right, clip, clips, decay):
        inner, offsets, outer, direct = self.parts(w)
        hidden = np.tanh(x @ inner + offsets)
        score = hidden @ outer + x @ direct
        highest, total, hit = np.full(clips, -1e9), np.zeros(clips), np.zeros(clips)
        np.maximum.at(highest, clip, score)
        power = np.exp(score - highest[clip])
        np.add.at(total, clip, power)
        chance = power / total[clip]
        np.add.at(hit, clip, chance * right)
        slope = chance - chance * right / np.maximum(hit[clip], 1e-12)
        back = np.outer(slope, outer) * (1 - hidden**2)
        gradient = np.concatenate([(x.T @ back).ravel(), back.sum(0), hidden.T @ slope, x.T @ slope]) + decay * w
        return -np.log(hit + 1e-12).sum() + decay / 2 * (w @ w), gradient

    def join(self, others):
        """The mean of several fits is one model with the units of all."""
        members = [self.parts(m.weights) for m in [self, *others]]
        inner, offsets, outer, direct = zip(*members)
        self.units *= len(members)
        self.weights = np.concatenate([np.concatenate(inner, 1).ravel(), np.concatenate(offsets), np.concatenate(outer) / len(members),
                                       sum(direct) / len(members)])

    def scores(self, features):
        inner, offsets, outer, direct = self.parts(self.weights)
        x = self.scaled(features)
        return np.tanh(x @ inner + offsets) @ outer + x @ direct


def report(model, clips):
    for corpus in sorted({c[0] for c in clips}):
        part = [(c[2], model.scores(c[1])) for c in clips if c[0] == corpus]
        right = np.mean([r[s.argmax()] for r, s in part])
        stated = np.mean([np.exp(s - s.max()).max() / np.exp(s - s.max()).sum() for _, s in part])
        print(f'{corpus:10} {len(part):4} clips, right {100 * right:5.1f} %, stated {100 * stated:5.1f} %')


def rows(values, indent='    '):
    out, line = [], indent[:-1]
    for value in values:
        text = f' {value:.4f},'
        if len(line) + len(text) > 108:
            out.append(line)
            line = indent[:-1]
        line += text
    return '\n'.join(out + [line]) + '\n'


def write(model, path):
    inner, offsets, outer, direct = model.parts(model.weights)
    with open(path, 'w') as f:
        f.write('//! Written by `fit/fit.py`, whose recipe says on what. In the order of the features.\n\n'
                'use crate::tempo::features::FEATURES;\n\n'
                f'/// Units that combine features.\npub(super) const UNITS: usize = {model.units};\n\n')
        for name, doc, values in (('MEANS', 'Mean of each feature over all candidates.', model.mean), ('DEVIATIONS', 'Its deviation.', model.deviation),
                                  ('DIRECT', 'Weight of each feature by itself.', direct)):
            f.write(f'/// {doc}\npub(super) const {name}: [f64; FEATURES] = [\n{rows(values)}];\n\n')
        f.write('/// Weights of the features in each unit.\npub(super) static INNER: [[f64; FEATURES]; UNITS] = [\n')
        for unit in range(model.units):
            f.write('    [\n' + rows(inner[:, unit], '        ') + '    ],\n')
        f.write(f'];\n\n/// Offset of each unit.\npub(super) const OFFSETS: [f64; UNITS] = [\n{rows(offsets)}];\n\n'
                f'/// Weight of each unit.\npub(super) const OUTER: [f64; UNITS] = [\n{rows(outer)}];\n')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--train', nargs='+', required=True)
    p.add_argument('--check', nargs='*', default=[])
    p.add_argument('--units', type=int, default=8)
    p.add_argument('--decay', type=float, default=8)
    p.add_argument('--members', type=int, default=4, help='fits from different starts, of which the mean is taken')
    p.add_argument('--write')
    a = p.parse_args()
    clips = [c for folder in a.train for c in load(folder)]
    model, *others = [Model(clips, a.units, a.decay, seed) for seed in range(a.members)]
    model.join(others)
    for folder in a.check:
        report(model, load(folder))
    if a.write:
        write(model, a.write)


if __name__ == '__main__':
    main()
