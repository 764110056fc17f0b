#!/usr/bin/env python3
"""Make pieces over MMA accompaniments, mostly without drums, to fit the octave model of the tempo on.

    python3 make_pieces.py --seed 401 --out pieces401 [--clips 240] [--jobs 2]

What `make_tunes.py` invents, these take from the library of MMA (Musical MIDI Accompaniment): ballads, dances and waltzes, of which each
track is kept or dropped and given another instrument at random; the drums stay in one of five. A melody in the metre goes over it.
Writes OUT/audio/*.ogg and OUT/truth.jsonl as `make_tunes.py` does. The truth depends on the seed and on the version of MMA (21.09).

    apt-get install mma fluidsynth fluid-soundfont-gm ffmpeg python3-numpy python3-mido
"""
import math
import random
import subprocess
import tempfile

import mido

from make_tunes import LOOPS, MAJOR, MINOR, PADS, SONG_VOICES, TUNE_VOICES, course, fill, grid, make, pitch, render

LIBRARY = '/usr/share/mma/lib/stdlib'
NAMES = ['C', 'C#', 'D', 'Eb', 'E', 'F', 'F#', 'G', 'Ab', 'A', 'Bb', 'B']
QUALITY = {0: ['', 'm', 'm', '', '7', 'm', 'dim'], 1: ['m', 'dim', '', 'm', '7', '', '']}
# family: beats in a bar, slowest and fastest, library files
FAMILIES = {
    'slow': (4, 54, 100, 'ballad folkballad guitarballad pianoballad popballad rockballad stringballad slowbroadway slowcountry slowspiritual rb-ballad '
             'hymn lullaby arpeggio44 arpeggio44 slowjazz bluefolk popspiritual slowbolero softrock 8beat'.split()),
    'lilt': (4, 46, 88, 'rock-128 ballad128 blues128'.split()),
    'mid': (4, 86, 152, 'folk folkrock hillcountry bluegrass countryblues dixie polka march bwmarch foxtrot 8beat softrock lighttango beguine '
            'showtune charleston folkyjazz calypso zydeco softshoe bossanova arpeggio44 westernswing swing ragtime'.split()),
    'waltz': (3, 84, 172, 'waltz countrywaltz frenchwaltz arpeggiowaltz broadwaywaltz latinwaltz rockwaltz vienesewaltz'.split()),
}
SIXTEENTHS = [[.25] * 4, [.5, .25, .25], [.25, .5, .25], [.5, .5], [.5, .5], [.75, .25], [1], [.25, .25, .5], [1.5, .5], [.75, .75, .5], [2]]
EIGHTHS = [[.5, .5], [.5, .5], [1], [1], [1.5, .5], [2], [.5, .25, .25], [.5, 1, .5], [.75, .25]]
SWUNG = [[.67, .33], [.67, .33], [1], [2], [.34, .33, .33]]
TRIPLE = [[1 / 3] * 3, [2 / 3, 1 / 3], [1], [2 / 3, 1 / 3], [2]]


def grooves(name):
    with open(f'{LIBRARY}/{name}.mma', errors='replace') as f:
        names = [line.split()[1] for line in f if line.strip().lower().startswith('defgroove')]
    dull = ('intro', 'end', 'fill', 'clap', 'metronome')
    return [n for n in names if not any(word in n.lower() for word in dull)][:8]


def accompaniment(rng, folder, library, tonic, minor, loops, bars):
    names = grooves(library)
    main, other = rng.choice(names[:2]), rng.choice(names)
    scale = MINOR if minor else MAJOR
    lines = [f'RndSeed {rng.randrange(10**6)}', 'Tempo 120']
    for bar in range(bars):
        if bar % 8 == 0:
            lines.append(f'Groove {main if bar // 8 % 2 == 0 else other}')
        degree = (loops[bar // 8 % 2][bar % 4] - 1) % 7
        lines.append(f'{bar + 1} {NAMES[(tonic + scale[degree]) % 12]}{QUALITY[minor][degree]}')
    with open(f'{folder}/s.mma', 'w') as f:
        f.write('\n'.join(lines) + '\n')
    subprocess.run(['mma', '-f', f'{folder}/s.mid', f'{folder}/s.mma'], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return mido.MidiFile(f'{folder}/s.mid')


def strip(rng, midi, drums):
    """Drops tempi, drums and some tracks, and changes instruments."""
    channels = sorted({m.channel for t in midi.tracks for m in t if m.type == 'note_on' and m.channel != 9})
    kept = {c for c in channels if rng.random() < .75} or set(channels[:1])
    kept |= {9} if drums else set()
    programs = {c: rng.choice(PADS + [None] * 12) for c in channels}
    for track in midi.tracks:
        carry, out = 0, mido.MidiTrack()
        for message in track:
            channel = getattr(message, 'channel', None)
            if message.type == 'set_tempo' or (channel is not None and channel not in kept):
                carry += message.time
                continue
            if message.type == 'program_change' and programs.get(channel) is not None:
                message = message.copy(program=programs[channel])
            out.append(message.copy(time=message.time + carry))
            carry = 0
        track[:] = out
    return next(c for c in range(16) if c != 9 and c not in channels)


def melody(rng, midi, channel, cells, voices, bpb, tonic, minor, bars):
    """Two phrases of four bars, AABB, as one track."""
    scale, per_beat = MINOR if minor else MAJOR, midi.ticks_per_beat
    phrases = [[[(d, rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 3])) for d in fill(rng, cells, bpb)] for _ in range(4)] for _ in range(2)]
    hush, held, jitter, lead = rng.choice([0, .05, .2, .4]), rng.choice([.6, .85, .95, 1.02]), rng.choice([0, .005, .012]), rng.choice([0, 0, 2, 4])
    degree, events, accent = 7, [], rng.choice([0, 8, 16])
    for bar in range(lead, bars):
        t = 0.
        for length, step in phrases[bar // 8 % 2][bar % 4]:
            degree = max(2, min(15, degree + step))
            if rng.random() >= hush:
                start = max(0., bar * bpb + t + rng.gauss(0, jitter))
                note = 60 + pitch(tonic % 12 - (12 if tonic % 12 > 7 else 0), scale, degree)
                velocity = min(120, 78 + (accent if abs(t - round(t)) < 1e-6 else 0) + rng.randint(-6, 6))
                events += [(int(start * per_beat), 1, note, velocity), (int((start + length * held) * per_beat), 0, note, 0)]
            t += length
    track, last = mido.MidiTrack([mido.Message('program_change', channel=channel, program=rng.choice(voices), time=0)]), 0
    for t, on, note, velocity in sorted(events):
        track.append(mido.Message('note_on' if on else 'note_off', channel=channel, note=note, velocity=velocity, time=t - last))
        last = t
    midi.tracks.append(track)


def clip(job):
    seed, i, out = job
    rng = random.Random(f'{seed}-pieces-{i}')
    family = ('slow', 'mid', 'slow', 'waltz', 'slow', 'lilt', 'mid', 'slow')[i % 8]
    bpb, slowest, fastest, libraries = FAMILIES[family]
    bpm = round(math.exp(rng.uniform(math.log(slowest), math.log(fastest))), 2)
    library, minor, tonic, dur = rng.choice(libraries), rng.randrange(2), rng.randrange(12), rng.uniform(34, 48)
    beats = int((dur + 3) * bpm * 1.04 / 60) + bpb
    periods, drifts = course(rng, bpm, beats, [0, 0, 0, .002, .003])
    bars = beats // bpb + 1
    swung = any(word in library for word in ('swing', 'jazz', 'charleston', 'softshoe', 'foxtrot'))
    cells = TRIPLE if family == 'lilt' else SWUNG if swung else SIXTEENTHS if bpm < rng.uniform(76, 100) else EIGHTHS
    name = f'p_{i:03d}'
    with tempfile.TemporaryDirectory() as td:
        midi = accompaniment(rng, td, library, tonic, minor, [rng.choice(LOOPS) for _ in range(2)], bars)
        free = strip(rng, midi, rng.random() < .2)
        if rng.random() < .85:
            melody(rng, midi, free, cells, TUNE_VOICES if family in ('mid', 'waltz') else SONG_VOICES, bpb, tonic, minor, bars)
        tempi, last = mido.MidiTrack(), 0
        for k, p in enumerate(periods):
            tempi.append(mido.MetaMessage('set_tempo', tempo=int(round(p * 1e6)), time=k * midi.ticks_per_beat - last))
            last = k * midi.ticks_per_beat
        midi.tracks.insert(0, tempi)
        midi.save(f'{td}/t.mid')
        render(rng, f'{td}/t.mid', dur, f'{out}/audio/{name}.ogg')
    return dict(file=f'audio/{name}.ogg', corpus=f'P-{family}', groove=library, drift=drifts, **grid(periods, bpb, dur))


if __name__ == '__main__':
    make(clip, __doc__)
