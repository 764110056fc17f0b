#!/usr/bin/env python3
"""Fit the weights of src/key/decision.rs: a conditional logit over the 24 keys (see README.md).

    python3 fit.py harmonies.jsonl truth.jsonl [more truth.jsonl ...]

Every collection counts alike, whatever its size. The evidence is computed as in src/key/evidence.rs and src/key/cadence.rs.
"""
import json
import math
import os
import re
import sys

import numpy as np
from scipy.optimize import minimize

ALBRECHT_SHANAHAN = ([.238, .006, .111, .006, .137, .094, .016, .214, .009, .080, .008, .081],
                     [.220, .006, .104, .123, .019, .103, .012, .214, .062, .022, .061, .052])
FARALDO = ([1, 0, .42, 0, .53, .37, 0, .77, 0, .38, .21, .30], [1, 0, .36, .39, 0, .38, 0, .74, .27, 0, .42, .23])
TRIADS = ([1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0])
PLAIN, STRETCH_SECONDS, FLOOR, SHARPNESS, END_SHARE, STEP_SECONDS = .7, 8, 1e-3, 8, .12, 1.5
PITCH = {'C': 0, 'D': 2, 'E': 4, 'F': 5, 'G': 7, 'A': 9, 'B': 11}
RIDGE = 2.


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def standardised(x):
    x = x - x.mean(-1, keepdims=True)
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)


def correlate(profile, classes):
    rotated = np.array([np.roll(mode, tonic) for mode in profile for tonic in range(12)], float)
    return standardised(classes) @ standardised(rotated).T


def softmax(scores):
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def cadences(slices, slice_seconds):
    live = slices[slices.sum(1) > 1e-9]
    both = live.copy()
    both[:-1] += live[1:]
    p = softmax(SHARPNESS * correlate(TRIADS, both))
    step = max(1, round(STEP_SECONDS / slice_seconds))
    out = np.zeros(24)
    for key in range(24):
        dominant, tonic = p[:, (key + 7) % 12], p[:, key]
        if len(p) > step:
            out[key] += .5 * (dominant[:-step] * tonic[step:]).mean()
        if len(p) > 2 * step:
            between = dominant[step:-step] + tonic[step:-step]
            out[key] += .5 * (dominant[:-2 * step] * between * tonic[2 * step:]).mean()
    return out


def view(slices, slice_seconds):
    n = len(slices)
    count = min(n, max(1, int(n * slice_seconds / STRETCH_SECONDS)))
    stretches = np.zeros((count, 12))
    np.add.at(stretches, np.arange(n) * count // n, slices)
    votes = softmax(SHARPNESS * correlate(ALBRECHT_SHANAHAN, stretches)).mean(0)
    end = slices[-math.ceil(END_SHARE * n):].sum(0)
    whole = slices.sum(0)
    return np.array([correlate(ALBRECHT_SHANAHAN, whole), correlate(FARALDO, whole), np.log(votes + FLOOR),
                     correlate(ALBRECHT_SHANAHAN, end), cadences(slices, slice_seconds)])


def evidence(line):
    slices, seconds = np.array(line['slices']), line['slice_seconds']
    both = PLAIN * view(slices[:, :12], seconds) + (1 - PLAIN) * view(slices[:, 12:], seconds)
    return np.vstack([both, np.repeat([0., 1.], 12)]).T


def parse_key(text):
    m = re.fullmatch(r'([A-G])([#b]*) (major|minor)', text)
    return (PITCH[m[1]] + m[2].count('#') - m[2].count('b')) % 12 + 12 * (m[3] == 'minor')


def fit(x, y, collections):
    """Maximum a posteriori weights for evidence of unit spread."""
    names, index, sizes = np.unique(collections, return_inverse=True, return_counts=True)
    share = 1 / np.sqrt(sizes)[index]
    share *= len(y) / share.sum()
    spread = (x - x.mean(1, keepdims=True)).std((0, 1)) + 1e-9
    scaled, rows = x / spread, np.arange(len(y))

    def loss(w):
        p = softmax(scaled @ w)
        gradient = (share[:, None] * ((p[..., None] * scaled).sum(1) - scaled[rows, y])).sum(0)
        return -(share * np.log(p[rows, y] + 1e-12)).sum() + RIDGE / 2 * w @ w, gradient + RIDGE * w

    return minimize(loss, np.zeros(x.shape[2]), jac=True, method='L-BFGS-B').x / spread


def temperature(x, y, collections, weights_for):
    """By what the scores must be multiplied to state what is right: the ridge makes weights too small."""
    scores = np.array([e @ weights_for(c) for e, c in zip(x, collections)])
    rows = np.arange(len(y))
    steps = np.arange(.5, 2, .01)
    return steps[np.argmax([np.log(softmax(t * scores)[rows, y] + 1e-12).sum() for t in steps])]


def table(title, x, y, collections, weights_for):
    print(title)
    stated, right = [], []
    for name in sorted(set(collections)):
        mine = collections == name
        p = softmax(x[mine] @ weights_for(name))
        hit = p.argmax(1) == y[mine]
        stated, right = stated + list(p.max(1)), right + list(hit)
        print(f'  {name:12} {100 * hit.mean():5.1f} % of {mine.sum()}, stated {100 * p.max(1).mean():5.1f}')
    order = np.argsort(stated)
    for group in np.array_split(order, 10):
        print(f'    stated {100 * np.mean(np.array(stated)[group]):5.1f}, right {100 * np.mean(np.array(right)[group]):5.1f}')


def main():
    truth = {}
    for path in sys.argv[2:]:
        root = os.path.dirname(os.path.abspath(path))
        for line in open(path):
            clip = json.loads(line)
            truth[os.path.realpath(os.path.join(root, clip['file']))] = clip
    x, y, collections = [], [], []
    for line in map(json.loads, open(sys.argv[1])):
        clip = truth.get(os.path.realpath(line['path']))
        if clip and line['slices']:
            x.append(evidence(line))
            y.append(parse_key(clip['key']))
            collections.append(clip['corpus'])
    x, y, collections = np.array(x), np.array(y), np.array(collections)
    weights = fit(x, y, collections)
    left_out = {name: fit(*(a[collections != name] for a in (x, y, collections))) for name in set(collections)}
    t = temperature(x, y, collections, left_out.get)
    weights = t * weights
    table('all in the fit', x, y, collections, lambda name: weights)
    table('left out', x, y, collections, lambda name: t * left_out[name])
    print('temperature', round(t, 2))
    print('weights', np.round(weights, 3).tolist())


if __name__ == '__main__':
    main()
