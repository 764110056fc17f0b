"""Analyses the files named on the command line with Essentia: decoded once, then tempo and beats, key, loudness.

Prints a JSON object a file, and how long all of it took without the start of Python.
"""

import json
import sys
import time

import essentia
import essentia.standard as es

essentia.log.infoActive = False
essentia.log.warningActive = False

RATE = 44100  # what RhythmExtractor2013 wants


def analyze(path):
    stereo, rate, channels, *_ = es.AudioLoader(filename=path)()
    mono = es.MonoMixer()(stereo, channels)
    if rate != RATE:
        mono = es.Resample(inputSampleRate=rate, outputSampleRate=RATE)(mono)
    bpm, beats, *_ = es.RhythmExtractor2013(method="multifeature")(mono)
    tonic, mode, strength = es.KeyExtractor(sampleRate=RATE)(mono)
    _, _, integrated, loudness_range = es.LoudnessEBUR128(sampleRate=rate)(stereo)
    return {
        "path": path,
        "bpm": float(bpm),
        "beats": len(beats),
        "tonic": tonic,
        "mode": mode,
        "strength": float(strength),
        "integrated_lufs": float(integrated),
        "loudness_range": float(loudness_range),
    }


wall, cpu = time.perf_counter(), time.process_time()
found = [analyze(path) for path in sys.argv[1:]]
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"operations": len(found), "seconds": wall, "cpu_seconds": cpu, "found": found}))
