"""Celery's side of `loadtest peers`: one task that does nothing, and one that analyses a file with librosa.

Late acknowledgements and results in Redis, as the fleet has them; everything else as Celery ships it.
"""

import os
import tempfile

from celery import Celery

app = Celery("peer_tasks", broker=os.environ["AMQP_URL"], backend=os.environ.get("RESULTS_URL"))
app.conf.update(
    task_acks_late=True,
    task_default_queue=os.environ["PEER_QUEUE"],
    result_expires=3600,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": os.environ.get("PEER_CONFIRM") == "1"},
)

# Krumhansl and Kessler 1982, from the tonic upwards.
MAJOR = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
MINOR = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]


@app.task
def noop(number):
    return number


# What numba compiles is kept by each process for itself: two that write the same cache have been seen to crash.
scratch = None


@app.task
def analyze(path):
    global scratch
    if scratch is None:
        scratch = tempfile.TemporaryDirectory(prefix="peers-numba-")
        os.environ["NUMBA_CACHE_DIR"] = scratch.name
    import librosa
    import numpy as np
    import pyloudnorm
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    loudness = pyloudnorm.Meter(rate).integrated_loudness(samples)
    mono = librosa.resample(samples.mean(axis=1), orig_sr=rate, target_sr=22050)
    tempo, beats = librosa.beat.beat_track(y=mono, sr=22050, units="time")
    chroma = librosa.feature.chroma_cqt(y=mono, sr=22050).mean(axis=1)
    scores = {
        (tonic, mode): np.corrcoef(np.roll(profile, tonic), chroma)[0, 1]
        for mode, profile in (("major", MAJOR), ("minor", MINOR))
        for tonic in range(12)
    }
    tonic, mode = max(scores, key=scores.get)
    return {
        "bpm": float(np.atleast_1d(tempo)[0]),
        "beats": len(beats),
        "tonic": tonic,
        "mode": mode,
        "integrated_lufs": float(loudness),
    }
