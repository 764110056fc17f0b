#!/usr/bin/env python3
"""Render melodies and songs that people wrote, at a tempo that is known, to fit the octave model of the tempo on.

    python3 make_scores.py --seed 501 --out nott501 --kind nott --scores FOLDER [--without truth.jsonl] [--clips 240] [--jobs 2]

    nott   FOLDER holds the MIDI files of the Nottingham Music Database (github jukedeck/nottingham-dataset, MIDI/): a melody and chords
    pop    FOLDER holds POP909 (github music-x-lab/POP909-Dataset, POP909/): a melody, a second voice and a piano, with beats
    lead   FOLDER holds lead sheets as compressed MusicXML (github 00sapo/OpenEWLD, dataset/)
Folk tunes and lead sheets get a tempo at random, such that the melody has a common number of notes a second; songs keep theirs. The beat
of 6/8, 9/8 and 12/8 is the dotted quarter. The accompaniment is the score's own, or another pattern over its chords. What `--without` names (a
truth.jsonl whose files end in the score's name, as n_jigs122.ogg and p_405.ogg do) is left out, so that it can be judged by.
Writes OUT/audio/*.ogg and OUT/truth.jsonl as `make_tunes.py` does. For measuring and fitting alone: see the licences of the collections.

    apt-get install fluidsynth fluid-soundfont-gm ffmpeg python3-numpy python3-mido
"""
import argparse
import glob
import json
import math
import os
import random
import re
import tempfile
import xml.etree.ElementTree as xml
import zipfile
from concurrent.futures import ProcessPoolExecutor

import mido

from make_tunes import KITS, PADS, SONG_VOICES, TUNE_VOICES, Score, course, grid, kit, render

# Notes of the melody a second, and beats a minute, that a tempo is drawn between.
NOTES = (1.6, 5.2)
BEATS = {2: (84, 152), 3: (80, 150)}  # by the parts that a beat has
# Organs, accordions, strings, voices, pads, winds: their chords beat and shake instead of being struck.
SUSTAINED = [16, 18, 19, 20, 21, 22, 23, 40, 42, 44, 48, 49, 50, 52, 53, 60, 61, 68, 70, 71, 88, 89, 91, 109]
STEPS = {'C': 0, 'D': 2, 'E': 4, 'F': 5, 'G': 7, 'A': 9, 'B': 11}
CHORDS = {'major': (0, 4, 7), 'minor': (0, 3, 7), 'dominant': (0, 4, 7, 10), 'diminished': (0, 3, 6), 'augmented': (0, 4, 8),
          'minor-seventh': (0, 3, 7, 10), 'major-seventh': (0, 4, 7, 11), 'major-sixth': (0, 4, 7, 9), 'minor-sixth': (0, 3, 7, 9)}


class Music:
    """Notes (start and length in beats, pitch) of a melody and of others, chords (start, length, pitches), and the metre."""

    def __init__(self, bar, parts):
        self.bar, self.parts, self.melody, self.others, self.chords = bar, parts, [], [], []

    def end(self):
        return max(n[0] + n[1] for n in self.melody)


def metre(numerator, denominator):
    """Quarters in a beat, beats in a bar, parts of a beat."""
    if denominator == 8 and numerator % 3 == 0:
        return 1.5, numerator // 3, 3
    if (numerator, denominator) == (2, 2):
        return 1., 4, 2
    return 4 / denominator, numerator, 2


def track_notes(track, unit):
    """Notes of a MIDI track: start, length (in units of so many ticks), pitch, velocity."""
    out, on, now = [], {}, 0
    for m in track:
        now += m.time
        if m.type == 'note_on' and m.velocity:
            on[m.note] = (now, m.velocity)
        elif m.type in ('note_on', 'note_off') and m.note in on:
            start, velocity = on.pop(m.note)
            out.append((start / unit, (now - start) / unit, m.note, velocity))
    return sorted(out)


def nottingham(path):
    midi = mido.MidiFile(path)
    signature = next((m for t in midi.tracks for m in t if m.type == 'time_signature'), None)
    if signature is None or len(midi.tracks) < 2:
        return None
    quarters, bar, parts = metre(signature.numerator, signature.denominator)
    music = Music(bar, parts)
    tracks = [track_notes(t, midi.ticks_per_beat * quarters) for t in midi.tracks]
    music.melody = [n[:3] for n in tracks[0]]
    for start in sorted({n[0] for n in tracks[1]}):
        same = [n for n in tracks[1] if n[0] == start]
        music.chords.append((start, same[0][1], sorted(n[2] for n in same)))
    return music


def lead_sheet(path):
    with zipfile.ZipFile(path) as z:
        name = next(n for n in z.namelist() if n.endswith('.xml') and not n.startswith('META'))
        root = xml.fromstring(z.read(name))
    part = root.find('part')
    signature = part.find('.//time')
    if signature is None or len(part.findall('.//time')) > 1:
        return None
    quarters, bar, parts = metre(int(signature.findtext('beats')), int(signature.findtext('beat-type')))
    music, now, divisions, chords = Music(bar, parts), 0., 1, []
    for item in (i for measure in part.findall('measure') for i in measure):
        if item.tag == 'attributes':
            divisions = int(item.findtext('divisions') or divisions)
        elif item.tag == 'harmony' and item.find('root') is not None:
            tonic = STEPS[item.findtext('root/root-step')] + int(item.findtext('root/root-alter') or 0)
            chords.append((now, tonic % 12, CHORDS.get(item.findtext('kind'), CHORDS['major'])))
        elif item.tag in ('note', 'backup', 'forward'):
            length = int(item.findtext('duration') or 0) / divisions / quarters
            if item.tag == 'backup':
                now -= length
            elif item.find('chord') is None:
                if item.find('pitch') is not None and length:
                    p = 12 * (int(item.findtext('pitch/octave')) + 1) + STEPS[item.findtext('pitch/step')] + int(item.findtext('pitch/alter') or 0)
                    tied = item.find("tie[@type='stop']") is not None and music.melody and music.melody[-1][2] == p
                    music.melody.append((now, length, p)) if not tied else music.melody.append((music.melody[-1][0], music.melody.pop()[1] + length, p))
                now += length
    for (start, tonic, kind), end in zip(chords, [c[0] for c in chords[1:]] + [now]):
        if end > start:
            music.chords.append((start, end - start, [48 + tonic % 12 + k for k in kind]))
    return music if len(music.melody) > 30 else None


def song(path):
    """A song with its beats in seconds; its notes in beats by them."""
    midi, folder = mido.MidiFile(path), os.path.dirname(path)
    tempi = [m.tempo for t in midi.tracks for m in t if m.type == 'set_tempo']
    with open(folder + '/beat_midi.txt') as f:
        beats = [[float(x) for x in line.split()] for line in f if line.strip()]
    if len(tempi) != 1 or len(beats) < 40:
        return None
    period = tempi[0] / 1e6
    gaps = sorted(b[0] - a[0] for a, b in zip(beats, beats[1:]))
    if abs(gaps[len(gaps) // 2] / period - 1) > .02:
        return None
    music = Music(4, 2)
    first = beats[0][0] / period
    named = {t.name: track_notes(t, midi.ticks_per_beat) for t in midi.tracks}
    shifted = {name: [(n[0] - first, n[1], n[2], n[3]) for n in notes if n[0] >= first] for name, notes in named.items()}
    music.melody, music.others = [n[:3] for n in shifted.get('MELODY', [])], [shifted.get('BRIDGE', []), shifted.get('PIANO', [])]
    downbeats = [k for k, b in enumerate(beats) if b[2] == 1.0] or [0]
    return (music, 60 / period, downbeats[0]) if music.melody else None


def accompany(rng, score, music, start):
    """The chords as one of the patterns that players have."""
    pattern = rng.choice(['block', 'block', 'boom', 'beat', 'broken', 'none', 'sustained'])
    score.program(1, rng.choice(PADS + [24, 25, 21, 105, 0] if rng.random() < .5 else SUSTAINED))
    score.program(2, rng.choice([32, 33, 43, 0] if rng.random() < .6 else SUSTAINED))
    for at, length, pitches in music.chords:
        t, bass, upper = at - start, pitches[0] - (12 if pitches[0] > 47 else 0), pitches[1:] or pitches
        if t < 0 or pattern == 'none':
            continue
        if pattern in ('block', 'sustained'):
            for p in pitches:
                score.note(1, t, length, p, 68)
            if pattern == 'sustained':
                score.note(2, t, length, bass, 75)
            continue
        for b in range(math.ceil(length - 1e-6)):
            place = round(at + b) % music.bar
            strong = place == 0 or (music.bar != 3 and place % 2 == 0)
            if pattern == 'beat':
                for p in pitches:
                    score.note(1, t + b, .9, p, 66 + 10 * (place == 0))
            elif pattern == 'broken':
                for k in range(music.parts):
                    score.note(1, t + b + k / music.parts, 1 / music.parts, pitches[(b * music.parts + k) % len(pitches)], 66)
            elif music.parts == 3:
                score.note(2, t + b, .6, bass if strong else bass + 7, 82)
                for p in upper:
                    score.note(1, t + b + 2 / 3, .3, p, 62)
            elif strong:
                score.note(2, t + b, .8, bass, 84)
            else:
                for p in upper:
                    score.note(1, t + b, .5, p, 66)


def arrange(rng, score, music, start, voices):
    score.program(0, rng.choice(voices))
    shift, accent = rng.randint(-4, 4), rng.choice([0, 8, 18])
    for at, length, p in music.melody:
        if at >= start:
            on = abs(at - round(at)) < 1e-3
            score.note(0, at - start, length, min(108, max(36, p + shift)), 80 + accent * on)
    music.chords = [(a, n, [p + shift for p in ps]) for a, n, ps in music.chords]
    for channel, notes in enumerate(music.others, 3):
        score.program(channel, rng.choice([0, 0, 0, 4, 24, 25, 48]) if channel > 3 else rng.choice(SONG_VOICES))
        for at, length, p, velocity in notes:
            if at >= start:
                score.note(channel, at - start, length, min(108, max(21, p + shift)), velocity * .85)
    if music.chords:
        accompany(rng, score, music, start)


def tempo_for(rng, music):
    """A tempo within its bounds at which the melody has a common number of notes a second."""
    per_beat = len(music.melody) / music.end()
    slowest, fastest = BEATS[music.parts]
    low, high = max(slowest, 60 * NOTES[0] / per_beat), min(fastest, 60 * NOTES[1] / per_beat)
    return rng.uniform(low, high) if low < high else None


def clip(job):
    seed, i, out, kind, path = job
    rng = random.Random(f'{seed}-{kind}-{i}')
    drums, first = None, 0
    if kind == 'pop':
        found = song(path)
        if not found:
            return None
        music, bpm, first = found
        bpm *= rng.choice([1, 1, rng.uniform(.93, 1.07)])
        if rng.random() < .35:
            drums = rng.choice(['eighths', 'eighths2', 'slow16', 'half', 'brush', 'sixteenths'] if bpm < 95 else ['eighths', 'eighths2', 'floor', 'half', 'brush'])
    else:
        music = nottingham(path) if kind == 'nott' else lead_sheet(path)
        bpm = music and tempo_for(rng, music)
        if not bpm:
            return None
        if kind == 'lead' and music.bar == 4 and music.parts == 2 and rng.random() < .35:
            drums = rng.choice(['eighths', 'eighths2', 'half', 'brush', 'floor'])
    bpm = round(bpm, 2)
    last = max(n[0] for n in music.melody)
    want = rng.uniform(35, 50)
    spare = last - want * bpm / 60
    start = first + (rng.randrange(0, max(1, int(spare - first))) // music.bar * music.bar if spare > first + music.bar and rng.random() < .7 else 0)
    dur = min(want, (last - start) * 60 / bpm)
    if dur < 20:
        return None
    score = Score(rng)
    if kind == 'pop':
        score.held = 1.
    voices = TUNE_VOICES if kind == 'nott' else SONG_VOICES
    arrange(rng, score, music, start, voices if rng.random() < .6 else SUSTAINED + voices)
    beats = int((dur + 3) * bpm * 1.04 / 60) + music.bar
    for bar in range(beats // music.bar if drums else 0):
        kit(rng, score, drums, bar * music.bar)
    periods, drifts = course(rng, bpm, beats, [0, 0, 0, .002, .003])
    name = f'{kind[0]}_{i:03d}'
    with tempfile.TemporaryDirectory() as td:
        score.save(f'{td}/t.mid', periods)
        render(rng, f'{td}/t.mid', dur, f'{out}/audio/{name}.ogg')
    return dict(file=f'audio/{name}.ogg', corpus=f'S-{kind}', groove=drums or f'{music.bar}x{music.parts}', drift=drifts,
                source=os.path.basename(path), **grid(periods, music.bar, dur))


def scores(kind, folder, without):
    """Paths of all scores but those that are named."""
    named = set()
    if without:
        with open(without) as f:
            named = {re.sub(r'^[np]_', '', os.path.splitext(os.path.basename(json.loads(line)['file']))[0]) for line in f}
    pattern = {'nott': '*.mid', 'pop': '*/[0-9][0-9][0-9].mid', 'lead': '**/*.mxl'}[kind]
    paths = sorted(glob.glob(f'{folder}/{pattern}', recursive=True))
    return [p for p in paths if os.path.splitext(os.path.basename(p))[0] not in named]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--seed', type=int, required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--kind', choices=['nott', 'pop', 'lead'], required=True)
    p.add_argument('--scores', required=True)
    p.add_argument('--without', default='')
    p.add_argument('--clips', type=int, default=240)
    p.add_argument('--jobs', type=int, default=2)
    a = p.parse_args()
    os.makedirs(a.out + '/audio', exist_ok=True)
    paths = scores(a.kind, a.scores, a.without)
    random.Random(a.seed).shuffle(paths)
    with ProcessPoolExecutor(a.jobs) as pool, open(a.out + '/truth.jsonl', 'w') as truth:
        for line in pool.map(clip, [(a.seed, i, a.out, a.kind, path) for i, path in enumerate(paths[:a.clips])]):
            if line:
                truth.write(json.dumps(line) + '\n')
                truth.flush()


if __name__ == '__main__':
    main()
