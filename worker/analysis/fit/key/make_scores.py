#!/usr/bin/env python3
"""Render scores that the Python package music21 brings along, with the key of each: folk tunes and chorales.

    pip install music21 mido; apt-get install fluidsynth fluid-soundfont-gm ffmpeg
    python3 make_scores.py --out scores [--folk 110] [--chorales 90]

Writes OUT/audio/*.ogg and OUT/truth.jsonl: file, corpus, key, source. Each piece is transposed, played by other instruments,
begun somewhere in four of ten cases, and detuned by up to 40 cents in a third, at random but the same on every run. The key is
that of the signature whose tonic is the last bass note; modal pieces are left out. For measuring alone: see the licences of
music21's corpus.
"""
import argparse
import glob
import json
import os
import random
import subprocess
import tempfile

import mido
from music21 import converter, corpus, harmony, key

NAMES = ['C', 'C#', 'D', 'Eb', 'E', 'F', 'F#', 'G', 'Ab', 'A', 'Bb', 'B']
SF2 = '/usr/share/sounds/sf2/FluidR3_GM.sf2'
PROGRAMS = [0, 4, 6, 16, 19, 21, 24, 25, 40, 42, 46, 48, 52, 61, 65, 68, 71, 73, 74, 80, 88]
RATE = 22050


def notes(score):
    return [n for n in score.flatten().notes if not isinstance(n, harmony.ChordSymbol)]


def true_key(score):
    """(pitch class, 1 if minor), None if it is not certain."""
    signatures = list(score.recurse().getElementsByClass(key.KeySignature))
    if not signatures or any(s.sharps != signatures[0].sharps for s in signatures):
        return None
    first = signatures[0]
    mode = getattr(first, 'mode', None)
    if mode not in (None, 'major', 'minor'):
        return None
    end = max(n.offset + n.quarterLength for n in notes(score))
    bass = min((p for n in notes(score) if n.offset + n.quarterLength > end - 1e-6 for p in n.pitches), key=lambda p: p.midi)
    major = 7 * first.sharps % 12
    return {major: (major, 0), (major + 9) % 12: ((major + 9) % 12, 1)}.get(bass.pitchClass)


def midi(rng, score, shift, start, seconds, bpm):
    events = []
    for n in notes(score):
        on, off = (float(t) * 60 / bpm - start for t in (n.offset, n.offset + max(.1, n.quarterLength)))
        if off > .05 and on < seconds:
            velocity = rng.randint(70, 100)
            for p in n.pitches:
                events += [(max(0, on), 1, p.midi + shift, velocity), (off, 0, p.midi + shift, 0)]
    track = mido.MidiTrack([mido.MetaMessage('set_tempo', tempo=500000),
                            mido.Message('program_change', program=rng.choice(PROGRAMS))])
    last = 0
    for t, on, note, velocity in sorted(events):
        tick = int(t * 960)
        track.append(mido.Message('note_on' if on else 'note_off', note=note, velocity=velocity, time=tick - last))
        last = tick
    return mido.MidiFile(ticks_per_beat=480, tracks=[track]), min(seconds, max(e[0] for e in events) + 1)


def render(file, seconds, cents, out):
    with tempfile.NamedTemporaryFile(suffix='.mid') as f:
        file.save(f.name)
        player = subprocess.Popen(['fluidsynth', '-ni', '-q', '-r', str(RATE), '-g', '0.5', '-O', 'float', '-T', 'raw', '-F', '-',
                                   SF2, f.name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        sound = player.stdout.read(int(seconds * RATE) * 8)
        player.kill()
        player.wait()
    subprocess.run(['ffmpeg', '-v', 'error', '-y', '-f', 'f32le', '-ar', str(round(RATE * 2 ** (cents / 1200))), '-ac', '2', '-i', '-',
                    '-ar', str(RATE), '-ac', '1', '-c:a', 'libvorbis', '-q:a', '5', out], input=sound, check=True)


def make(rng, path, out, name, bpm):
    score = converter.parse(path)
    found = true_key(score)
    if found is None or len(notes(score)) < 40:
        return None
    shift, seconds = rng.randint(-5, 6), rng.uniform(30, 55)
    whole = float(score.highestTime) * 60 / bpm
    start = 0 if whole <= seconds or rng.random() < .6 else rng.uniform(0, whole - seconds)
    file, length = midi(rng, score, shift, start, seconds, bpm)
    render(file, length, rng.choice([0, 0, rng.uniform(-40, 40)]), f'{out}/audio/{name}.ogg')
    return f'{NAMES[(found[0] + shift) % 12]} {"minor" if found[1] else "major"}'


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--out', required=True)
    p.add_argument('--folk', type=int, default=110)
    p.add_argument('--chorales', type=int, default=90)
    a = p.parse_args()
    os.makedirs(a.out + '/audio', exist_ok=True)
    scores = os.path.dirname(corpus.__file__)
    with open(a.out + '/truth.jsonl', 'w') as truth:
        for name, pattern, count, bpm in (('T-folk', '/ryansMammoth/*.abc', a.folk, (100, 170)),
                                          ('T-chorale', '/bach/*.mxl', a.chorales, (75, 130))):
            paths = random.Random(name).sample(sorted(glob.glob(scores + pattern)), count)
            for i, path in enumerate(paths):
                rng = random.Random(f'{name}{i}')
                clip = f'{name[2:]}_{i:03d}'
                answer = make(rng, path, a.out, clip, rng.uniform(*bpm))
                if answer:
                    truth.write(json.dumps({'file': f'audio/{clip}.ogg', 'corpus': name, 'key': answer,
                                            'source': os.path.basename(path)}) + '\n')


if __name__ == '__main__':
    main()
