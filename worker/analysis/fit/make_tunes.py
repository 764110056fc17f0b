#!/usr/bin/env python3
"""Make tunes, songs and bands with a known tempo, to fit the octave model of the tempo on.

    python3 make_tunes.py --seed 301 --out tunes301 [--clips 240] [--jobs 2]

Three families, 35-50 s each, rendered by fluidsynth:
    tune   folk melodies in 4/4, 2/4, 3/4, 6/8 and 9/8 (the beat of 6/8 and 9/8 is the dotted quarter), AABB, with little or no
           accompaniment and no drums
    song   a melody over a piano, guitar or harp pattern, mostly slow, no drums
    band   the song with a drum kit: eighths, sixteenths, shuffle, half time, four on the floor, slow 12/8
Writes OUT/audio/*.ogg and OUT/truth.jsonl: file, corpus, bpm, beats, beats_per_bar, groove. The truth depends on the seed alone.

    apt-get install fluidsynth fluid-soundfont-gm ffmpeg python3-numpy python3-mido
"""
import argparse
import json
import math
import os
import random
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor

import mido

SF2 = '/usr/share/sounds/sf2/FluidR3_GM.sf2'
TPB = 480  # ticks in a beat, which is a dotted quarter where the beat has three parts
MAJOR, MINOR = [0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]
LOOPS = [[1, 5, 6, 4], [1, 4, 5, 1], [6, 4, 1, 5], [1, 6, 4, 5], [1, 3, 4, 5], [4, 5, 3, 6], [1, 1, 4, 5], [2, 5, 1, 6]]
# metre: beats in a bar, parts of a beat, slowest and fastest beat, rhythms of one beat or of a bar, in parts of a beat
TUNES = {
    'reel': (4, 2, 88, 150, [[.5] * 2, [.5] * 2, [1], [.5] * 2, [.5, .25, .25]]),
    'hornpipe': (4, 2, 85, 135, [[.66, .34], [.66, .34], [1], [.34, .33, .33]]),
    'polka': (2, 2, 95, 140, [[.5, .5], [1], [.5, .25, .25], [.25] * 4]),
    'waltz': (3, 2, 95, 165, [[1], [1], [.5, .5], [1], [2], [1.5, .5]]),
    'march': (4, 2, 96, 155, [[1], [1], [1], [1, 1], [.5, .5], [2], [1.5, .5]]),
    'schottische': (4, 2, 96, 150, [[1], [.75, .25], [1], [.5, .5], [2]]),
    'twostep': (2, 2, 96, 150, [[1], [1], [1, 1], [.5, .5], [2]]),
    'minuet': (3, 2, 96, 160, [[1], [1], [1], [.5, .5], [2], [3]]),
    'air': (4, 2, 70, 110, [[1], [.5, .5], [1.5, .5], [2], [.5, .5]]),
    'jig': (2, 3, 82, 128, [[1 / 3] * 3, [1 / 3] * 3, [2 / 3, 1 / 3], [1]]),
    'slipjig': (3, 3, 90, 135, [[1 / 3] * 3, [2 / 3, 1 / 3], [1]]),
}
TUNE_VOICES = [40, 73, 21, 0, 22, 24, 110, 71, 105, 15, 6]
SONG_VOICES = [73, 65, 40, 0, 80, 25, 52, 11, 66, 81, 71, 53]
PADS = [0, 0, 0, 1, 2, 4, 24, 25, 46, 48, 89]


class Score:
    def __init__(self, rng):
        self.rng, self.events, self.jitter = rng, [], rng.choice([0, 3, 7, 12])
        self.held = rng.choice([.6, .8, .93, 1., 1.03])

    def note(self, channel, beat, length, pitch, velocity):
        start = int(beat * TPB + self.rng.gauss(0, self.jitter))
        velocity = max(20, min(127, int(velocity + self.rng.gauss(0, 5))))
        self.events += [(max(0, start), 1, channel, int(pitch), velocity),
                        (max(1, start + int(length * TPB * self.held)), 0, channel, int(pitch), 0)]

    def program(self, channel, program):
        self.events.append((0, -1, channel, program, 0))

    def save(self, path, periods):
        midi, track, last, previous = mido.MidiFile(ticks_per_beat=TPB), mido.MidiTrack(), 0, None
        tempi = [(k * TPB, -2, 0, int(round(p * 1e6)), 0) for k, p in enumerate(periods)]
        for tick, kind, channel, value, velocity in sorted(self.events + tempi):
            if kind == -2:
                if value == previous:
                    continue
                previous = value
                message = mido.MetaMessage('set_tempo', tempo=value, time=tick - last)
            elif kind == -1:
                message = mido.Message('program_change', channel=channel, program=value, time=tick - last)
            else:
                message = mido.Message('note_on' if kind else 'note_off', channel=channel, note=value, velocity=velocity, time=tick - last)
            track.append(message)
            last = tick
        midi.tracks.append(track)
        midi.save(path)


def pitch(tonic, scale, degree):
    return tonic + 12 * (degree // 7) + scale[degree % 7]


def fill(rng, cells, length):
    """A rhythm of the length out of cells; what is too long is cut."""
    out, t = [], 0
    while t < length - 1e-6:
        for part in rng.choice(cells):
            if t < length - 1e-6:
                out.append(min(part, length - t))
                t += out[-1]
    return out


def tune(rng, score, bars, style):
    beats, parts, _, _, cells = TUNES[style]
    scale, tonic = rng.choice([MAJOR, MAJOR, MINOR]), rng.randrange(60, 72)
    sections = []
    for _ in range(2):
        half = [[(d, rng.choice([-2, -1, -1, 0, 1, 1, 2, 3])) for d in fill(rng, cells, beats)] for _ in range(3)]
        sections.append(half + [[(float(beats), 0)]] + half + [[(max(1., beats - 1.), 0), (1., -1)] if beats > 2 else [(float(beats), 0)]])
    chords = [rng.choice(LOOPS) for _ in range(2)]
    score.program(0, rng.choice(TUNE_VOICES))
    backing = rng.choice(['none', 'boom', 'boom', 'block', 'beat', 'drone'])
    score.program(1, rng.choice([0, 24, 25, 21, 105]))
    score.program(2, rng.choice([32, 33, 43, 0]))
    degree, accent, grace = rng.randrange(5, 9), rng.choice([0, 8, 18]), rng.choice([0, 0, .1])
    for bar in range(bars):
        section = (bar // 16) % 2
        t = bar * beats
        for length, step in sections[section][bar % 8]:
            degree = max(0, min(13, degree + step))
            on = abs(t - round(t)) < 1e-6
            if grace and rng.random() < grace:
                score.note(0, t - .06, .06, pitch(tonic, scale, degree + 1), 70)
            score.note(0, t, length, pitch(tonic, scale, degree), 80 + (accent if on else 0))
            t += length
        root = chords[section][bar % 4] - 1
        accompany(rng, score, backing, bar * beats, beats, parts, tonic, scale, root)


def accompany(rng, score, backing, t, beats, parts, tonic, scale, root):
    triad = [pitch(tonic - 12, scale, root + k) for k in (0, 2, 4)]
    bass = pitch(tonic - 24, scale, root)
    if backing == 'boom':
        for b in range(beats):
            if b % 2 == 0 if beats != 3 else b == 0:
                score.note(2, t + b, .8, bass if b == 0 else bass + 7, 85)
            elif parts == 2:
                for n in triad:
                    score.note(1, t + b, .5, n, 65)
            if parts == 3:
                for n in triad:
                    score.note(1, t + b + 2 / 3, .3, n, 62)
    elif backing in ('block', 'drone'):
        for n in triad if backing == 'block' else [tonic - 12, tonic - 5]:
            score.note(1, t, beats, n, 65)
        score.note(2, t, beats, bass, 75)
    elif backing == 'beat':
        for b in range(beats):
            for n in triad:
                score.note(1, t + b, .9, n, 68 + (10 if b == 0 else 0))


def song(rng, score, bars, slow, drums):
    scale, tonic = rng.choice([MAJOR, MINOR]), rng.randrange(55, 67)
    score.program(0, rng.choice(SONG_VOICES))
    score.program(1, rng.choice(PADS))
    score.program(2, rng.choice([32, 33, 35, 0, 0]))
    grain = .25 if slow else .5
    cells = ([[.25] * 4, [.5, .25, .25], [.25, .5, .25], [.5, .5], [.75, .25], [1], [.25, .25, .5], [1.5, .5], [.75, .75, .5]] if slow
             else [[.5, .5], [1], [1.5, .5], [2], [.5, 1, .5], [.5] * 4, [1, 1], [.5, .5, 1]])
    per_bar = rng.choice([1, 1, 2]) if slow else 1
    loops = [rng.choice(LOOPS) for _ in range(2)]
    pattern = rng.choice(['arpeggio', 'wide', 'wide', 'block', 'strum', 'stride', 'alberti', 'roll'])
    melodies = [[[(d, rng.choice([-3, -2, -1, -1, 0, 0, 1, 1, 2, 3])) for d in fill(rng, cells, 4)] for _ in range(4)] for _ in range(2)]
    lead, degree, hush = rng.choice([0, 2, 4]), 9, rng.choice([.15, .3, .45])
    for bar in range(bars):
        section = (bar // 8) % 2
        for half in range(per_bar):
            span = 4 // per_bar
            root = loops[section][(bar * per_bar + half) % 4] - 1
            backing(rng, score, pattern, bar * 4 + half * span, span, grain, tonic, scale, root)
        if bar >= lead:
            t = bar * 4
            for length, step in melodies[section][bar % 4]:
                degree = max(3, min(15, degree + step))
                if rng.random() > hush:
                    score.note(0, t, length, pitch(tonic, scale, degree), 88)
                t += length
        if drums:
            kit(rng, score, drums, bar * 4)


def backing(rng, score, pattern, t, span, grain, tonic, scale, root):
    triad = [pitch(tonic, scale, root + k) for k in (0, 2, 4)]
    bass = pitch(tonic - 24, scale, root)
    if pattern == 'wide':  # the left hand of a pianist: root, fifth, octave, tenth
        order = [bass, bass + 7, bass + 12, triad[1] - 12, triad[2] - 12, triad[1] - 12, bass + 12, bass + 7]
        for k in range(int(span / grain)):
            score.note(1, t + k * grain, span - k * grain if k < 3 else grain, order[k % 8], 72 - 6 * (k % 2))
        return
    score.note(2, t, span if rng.random() < .6 else span / 2, bass, 80)
    for at in rng.choice([[], [.5], [.5], [.375, .5], [.25, .5, .75], [.375, .75], [.5, .75, .875]]):
        score.note(2, t + span * at, span / 4, bass + rng.choice([0, 0, 7, 12]), 72)
    steps = int(span / grain)
    if pattern in ('arpeggio', 'alberti'):
        order = [0, 1, 2, 1] if pattern == 'arpeggio' else [0, 2, 1, 2]
        for k in range(steps):
            score.note(1, t + k * grain, grain * 1.5, triad[order[k % 4]] - 12 * (pattern == 'alberti'), 66 + 8 * (k % 4 == 0))
    elif pattern == 'roll':
        for k in range(int(span / .5)):
            score.note(1, t + k * .5, .6, triad[k % 3], 66 + 6 * (k % 2 == 0))
    elif pattern == 'block':
        for b in range(span):
            for n in triad:
                score.note(1, t + b, .9, n, 66 + 6 * (b == 0))
    elif pattern == 'stride':
        for b in range(span):
            for n in [triad[0] - 12] if b % 2 == 0 else triad:
                score.note(1, t + b, .8, n, 70)
    else:
        for k in range(steps):
            if rng.random() < (.95 if k % 4 == 0 else .55):
                for j, n in enumerate(triad):
                    score.note(1, t + k * grain + .015 * j, grain, n, 62 + 12 * (k % 4 == 0))


# drum: (steps a beat, kick, snare, hat) with places in steps of a bar of four beats
KITS = {
    'eighths': (2, [0, 4], [2, 6], range(8)), 'eighths2': (2, [0, 3, 4], [2, 6], range(8)), 'sixteenths': (4, [0, 6, 8], [4, 12], range(16)),
    'slow16': (4, [0, 10], [4, 12], range(0, 16, 2)), 'half': (2, [0, 3], [4], range(0, 8)), 'floor': (2, [0, 2, 4, 6], [2, 6], [1, 3, 5, 7]),
    'shuffle': (3, [0, 6], [3, 9], [0, 2, 3, 5, 6, 8, 9, 11]), 'twelve': (3, [0, 6], [3, 9], range(12)), 'brush': (2, [0, 4], [2, 6], [0, 2, 4, 6]),
}


def kit(rng, score, name, t):
    steps, kick, snare, hat = KITS[name]
    for k in kick:
        score.note(9, t + k / steps, .2, 36, 100)
    for k in snare:
        score.note(9, t + k / steps, .2, 38 if name != 'brush' else 40, 96)
    for k in hat:
        score.note(9, t + k / steps, .1, 42, 72 if k % steps == 0 else 58)
    if rng.random() < .15:
        score.note(9, t + 4 - 1 / steps, .2, rng.choice([36, 38, 45]), 85)


def tempo_of(rng, family, drums):
    if family == 'song':
        slow = rng.random() < .75
        return (math.exp(rng.uniform(math.log(54), math.log(94))) if slow else rng.uniform(96, 142)), slow
    if drums in ('sixteenths', 'slow16', 'twelve'):
        return rng.uniform(56, 100) if drums != 'twelve' else rng.uniform(48, 85), drums != 'twelve'
    return (rng.uniform(90, 150) if drums == 'shuffle' else rng.uniform(84, 178)), False


def render(rng, midi, dur, target):
    """The first `dur` seconds of a MIDI file, in a room, through some equaliser, as Vorbis."""
    gain, chorus = rng.choice(['0.3', '0.5', '0.8']), rng.choice(['0', '1'])
    room = [f'synth.reverb.room-size={rng.uniform(.1, .9):.2f}', f'synth.reverb.level={rng.uniform(0, .9):.2f}',
            f'synth.chorus.level={rng.uniform(.5, 4):.2f}']
    sound = rng.choice(['anull', 'anull', f'lowpass=f={rng.uniform(1500, 7000):.0f}', f'highpass=f={rng.uniform(80, 350):.0f}',
                        f'bass=g={rng.uniform(-9, 9):.1f},treble=g={rng.uniform(-9, 9):.1f}',
                        'acompressor=threshold=0.1:ratio=4:attack=5:release=80:makeup=3'])
    options = [x for option in room for x in ('-o', option)]
    p = subprocess.Popen(['fluidsynth', '-ni', '-q', '-r', '44100', '-g', gain, '-C', chorus, *options, '-O', 's16', '-T', 'raw', '-F', '-', SF2, midi],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    raw = p.stdout.read(int(dur * 44100) * 4)
    p.kill()
    p.wait()
    subprocess.run(['ffmpeg', '-v', 'error', '-y', '-f', 's16le', '-ar', '44100', '-ac', '2', '-i', '-', '-af', sound,
                    '-ac', rng.choice(['1', '2']), '-c:a', 'libvorbis', '-q:a', '5', target], input=raw, check=True)


def grid(periods, bpb, dur):
    """Tempo, beats and downbeats of the first `dur` seconds, from the length of each beat."""
    times, t = [], 0.
    for p in periods:
        if t < dur:
            times.append(round(t, 4))
        t += p
    gaps = sorted(b - a for a, b in zip(times, times[1:]))
    return dict(bpm=round(60 / gaps[len(gaps) // 2], 3), beats=times, downbeats=times[::bpb], beats_per_bar=bpb, dur=round(dur, 3))


def course(rng, bpm, count, drifts):
    """Length of each beat in seconds: steady, or a tempo that drifts by up to 3 %; and whether it does."""
    factor, periods, drift = 1., [], rng.choice(drifts)
    for _ in range(count):
        factor = min(1.03, max(.97, factor + rng.gauss(0, drift)))
        periods.append(round(60 / bpm / factor, 6))
    return periods, drift > 0


def clip(job):
    seed, i, out, families = job
    rng = random.Random(f'{seed}-tunes-{i}')
    families = families.split(',')
    family = families[i % len(families)]
    score, drums = Score(rng), rng.choice(list(KITS)) if family == 'band' else None
    if family == 'tune':
        groove = rng.choice(list(TUNES))
        bpb = TUNES[groove][0]
        bpm = rng.uniform(*TUNES[groove][2:4])
    else:
        groove, bpb = drums or 'song', 4
        bpm, slow = tempo_of(rng, family, drums)
    bpm = round(bpm, 2)
    dur = rng.uniform(35, 50)
    beats = int((dur + 3) * bpm * 1.04 / 60) + bpb
    periods, drifts = course(rng, bpm, beats, [0, 0, 0, 0, .002, .003])
    bars = beats // bpb + 1
    tune(rng, score, bars, groove) if family == 'tune' else song(rng, score, bars, slow, drums)
    name = f'{family[0]}_{i:03d}'
    with tempfile.TemporaryDirectory() as td:
        score.save(f'{td}/t.mid', periods)
        render(rng, f'{td}/t.mid', dur, f'{out}/audio/{name}.ogg')
    return dict(file=f'audio/{name}.ogg', corpus=f'T-{family}', groove=groove, drift=drifts, **grid(periods, bpb, dur))


def make(clip, about, **more):
    """Reads the options, makes the clips side by side and writes the truth. `more` are further options and their defaults."""
    p = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--seed', type=int, required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--clips', type=int, default=240)
    p.add_argument('--jobs', type=int, default=2)
    for name, default in more.items():
        p.add_argument('--' + name, default=default)
    a = p.parse_args()
    os.makedirs(a.out + '/audio', exist_ok=True)
    with ProcessPoolExecutor(a.jobs) as pool, open(a.out + '/truth.jsonl', 'w') as truth:
        for line in pool.map(clip, [(a.seed, i, a.out, *(getattr(a, name) for name in more)) for i in range(a.clips)]):
            truth.write(json.dumps(line) + '\n')
            truth.flush()


if __name__ == '__main__':
    make(clip, __doc__, families='tune,song,band')
