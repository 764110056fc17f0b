//! Blocks of equal size from packets of any: planar, trimmed, and free of numbers that are none.

use super::conform::{Conformer, StreamFormat};
use crate::open::{Excess, Extent};
use crate::stage::{BLOCK_FRAMES, Block};
use symphonia::core::audio::conv::FromSample;
use symphonia::core::audio::sample::Sample;
use symphonia::core::audio::{Audio, AudioBuffer, Channels, GenericAudioBufferRef};

/// Largest sample that is believed, 18 dB above full scale. Floating-point mixes stay below +12 dB or so; damaged MP3 frames
/// were seen to decode to 465,557.
pub(crate) const WILD: f32 = 8.0;

/// The most padding that an encoder leaves at the end: 12 bits in LAME's header, less than three frames of AAC.
const MAX_PADDING: usize = 4096;

/// Collects packets into blocks.
#[derive(Debug)]
pub(crate) struct Assembler {
    /// Frames that wait to be part of a block, per channel.
    waiting: Vec<Vec<f32>>,
    /// The packet at hand.
    packet: Vec<Vec<f32>>,
    /// What all packets are brought to.
    format: StreamFormat,
    /// Of the packets at hand, if it is another, and what brings it to the one above.
    other: Option<(StreamFormat, Conformer)>,
    /// The packet at hand as it was decoded, where it is of another format.
    decoded: Vec<Vec<f32>>,
    skip: u64,
    total: Option<u64>,
    excess: Excess,
    accepted: u64,
    emitted: u64,
    dropped: u64,
    /// A wild sample condemns its whole packet: true for codecs whose samples depend on each other.
    condemn: bool,
}

/// What was wrong in a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) wild_samples: u64,
    pub(crate) frames: u64,
}

impl Assembler {
    pub(crate) fn new(format: StreamFormat, extent: &Extent, condemn: bool) -> Self {
        let (channels, rate) = (format.channels.count(), format.rate);
        Self {
            waiting: vec![Vec::with_capacity(2 * BLOCK_FRAMES); channels],
            packet: vec![Vec::new(); channels],
            format,
            other: None,
            decoded: Vec::new(),
            skip: extent.skip.in_frames(rate),
            total: extent.total.map(|total| total.in_frames(rate)),
            excess: extent.excess,
            accepted: 0,
            emitted: 0,
            dropped: 0,
            condemn,
        }
    }

    /// Skips the delay of the next stream of a chain.
    pub(crate) fn begin(&mut self, rate: u32, extent: &Extent) {
        self.skip = extent.skip.in_frames(rate);
    }

    pub(crate) fn channels(&self) -> usize {
        self.waiting.len()
    }

    /// Frames handed out so far.
    pub(crate) fn emitted(&self) -> u64 {
        self.emitted
    }

    /// Frames dropped behind the announced end.
    pub(crate) fn padding(&self) -> Option<u64> {
        (self.excess != Excess::Keep && self.total.is_some()).then_some(self.dropped)
    }

    /// Takes a packet without its last `cut` frames, and hands out the blocks that become full.
    pub(crate) fn push(
        &mut self,
        buffer: &GenericAudioBufferRef<'_>,
        cut: u64,
        emit: &mut dyn FnMut(&Block<'_>),
    ) -> Damage {
        let spec = buffer.spec();
        self.prepare(spec.rate(), spec.channels(), emit);
        let planes = if self.other.is_some() { &mut self.decoded } else { &mut self.packet };
        let float = convert(buffer, planes);
        let frames = planes.first().map_or(0, Vec::len);
        let keep = frames.saturating_sub(usize::try_from(cut).unwrap_or(usize::MAX));
        planes.iter_mut().for_each(|plane| plane.truncate(keep));
        let damage = if float { sanitise(planes, self.condemn) } else { Damage::default() };
        if let Some((_, conformer)) = &mut self.other {
            conformer.convert(&self.decoded, &mut self.packet);
        }
        self.accept(emit);
        damage
    }

    /// Makes ready for packets of this format.
    fn prepare(&mut self, rate: u32, channels: &Channels, emit: &mut dyn FnMut(&Block<'_>)) {
        let same = |format: &StreamFormat| format.rate == rate && format.channels.count() == channels.count();
        let current = self.other.as_ref().map_or(&self.format, |(format, _)| format);
        if same(current) {
            return;
        }
        self.leave_format(emit);
        if !same(&self.format) {
            let from = StreamFormat { rate, channels: channels.clone() };
            self.decoded = vec![Vec::new(); channels.count()];
            let conformer = Conformer::new(&from, &self.format);
            self.other = Some((from, conformer));
        }
    }

    /// Takes what is still under way of packets of another format.
    fn leave_format(&mut self, emit: &mut dyn FnMut(&Block<'_>)) {
        if let Some((_, mut conformer)) = self.other.take() {
            conformer.finish(&mut self.packet);
            self.accept(emit);
        }
    }

    fn accept(&mut self, emit: &mut dyn FnMut(&Block<'_>)) {
        let frames = self.packet.first().map_or(0, Vec::len);
        let start = usize::try_from(self.skip).unwrap_or(usize::MAX).min(frames);
        self.skip -= start as u64;
        let mut count = frames - start;
        if let (Excess::Drop, Some(total)) = (self.excess, self.total) {
            count = count.min(usize::try_from(total.saturating_sub(self.accepted)).unwrap_or(usize::MAX));
        }
        self.accepted += count as u64;
        self.dropped += (frames - start - count) as u64;
        for (waiting, packet) in self.waiting.iter_mut().zip(&self.packet) {
            waiting.extend_from_slice(&packet[start..start + count]);
        }
        let hold = if self.excess == Excess::Padding { MAX_PADDING } else { 0 };
        self.emit_down_to(hold, emit);
    }

    /// Hands out whole blocks while more than `hold` frames would stay behind.
    fn emit_down_to(&mut self, hold: usize, emit: &mut dyn FnMut(&Block<'_>)) {
        while self.waiting_frames() >= hold + BLOCK_FRAMES {
            self.emit_first(BLOCK_FRAMES, emit);
        }
    }

    fn waiting_frames(&self) -> usize {
        self.waiting.first().map_or(0, Vec::len)
    }

    fn emit_first(&mut self, frames: usize, emit: &mut dyn FnMut(&Block<'_>)) {
        emit(&Block::new(&self.waiting, frames));
        self.emitted += frames as u64;
        for plane in &mut self.waiting {
            plane.drain(..frames);
        }
    }

    /// Drops the padding and hands out what is left.
    pub(crate) fn finish(&mut self, emit: &mut dyn FnMut(&Block<'_>)) {
        self.leave_format(emit);
        if let (Excess::Padding, Some(total)) = (self.excess, self.total) {
            let excess = usize::try_from(self.accepted.saturating_sub(total)).unwrap_or(usize::MAX);
            if excess <= MAX_PADDING {
                let keep = self.waiting_frames().saturating_sub(excess);
                self.dropped += (self.waiting_frames() - keep) as u64;
                self.waiting.iter_mut().for_each(|plane| plane.truncate(keep));
            }
        }
        self.emit_down_to(0, emit);
        let rest = self.waiting_frames();
        if rest > 0 {
            self.emit_first(rest, emit);
        }
    }
}

/// Converts all planes to `f32`, full scale being 1.0. Says whether the samples were floating-point numbers, which can be
/// anything.
fn convert(buffer: &GenericAudioBufferRef<'_>, planes: &mut [Vec<f32>]) -> bool {
    match buffer {
        GenericAudioBufferRef::U8(buffer) => planes_from(buffer, planes),
        GenericAudioBufferRef::U16(buffer) => planes_from(buffer, planes),
        GenericAudioBufferRef::U24(buffer) => planes_from(buffer, planes),
        GenericAudioBufferRef::U32(buffer) => planes_from(buffer, planes),
        GenericAudioBufferRef::S8(buffer) => planes_from(buffer, planes),
        GenericAudioBufferRef::S16(buffer) => planes_from(buffer, planes),
        GenericAudioBufferRef::S24(buffer) => planes_from(buffer, planes),
        GenericAudioBufferRef::S32(buffer) => planes_from(buffer, planes),
        GenericAudioBufferRef::F32(buffer) => planes_from(buffer, planes),
        GenericAudioBufferRef::F64(buffer) => planes_from(buffer, planes),
    }
    matches!(buffer, GenericAudioBufferRef::F32(_) | GenericAudioBufferRef::F64(_))
}

fn planes_from<S: Sample>(buffer: &AudioBuffer<S>, planes: &mut [Vec<f32>])
where
    f32: FromSample<S>,
{
    for (plane, samples) in planes.iter_mut().zip(buffer.iter_planes()) {
        plane.clear();
        plane.extend(samples.iter().map(|sample| f32::from_sample(*sample)));
    }
}

fn is_wild(sample: f32) -> bool {
    sample.is_nan() || sample.abs() > WILD
}

/// The bits of a magnitude are in the order of the magnitudes, and those of infinity and NaN come last.
fn largest_bits(samples: &[f32]) -> u32 {
    samples.iter().fold(0, |largest, sample| largest.max(sample.to_bits() & 0x7fff_ffff))
}

/// Silences wild samples, or all of them if one is wild.
fn sanitise(planes: &mut [Vec<f32>], condemn: bool) -> Damage {
    if planes.iter().all(|plane| largest_bits(plane) <= WILD.to_bits()) {
        return Damage::default();
    }
    let frames = planes.first().map_or(0, Vec::len);
    let wild_samples = planes.iter().flatten().filter(|sample| is_wild(**sample)).count() as u64;
    let hit = (0..frames).filter(|frame| planes.iter().any(|plane| is_wild(plane[*frame]))).count();
    for sample in planes.iter_mut().flatten() {
        if condemn || is_wild(*sample) {
            *sample = 0.0;
        }
    }
    Damage { wild_samples, frames: if condemn { frames } else { hit } as u64 }
}

#[cfg(test)]
mod tests;
