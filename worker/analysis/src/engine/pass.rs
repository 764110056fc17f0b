//! The decoding half of the pass: one decoder, one assembler, and the stages behind it.

use super::bench::Bench;
use crate::decode::{Account, Assembler, Decoded, Decoder, Judgement};
use crate::open::{CodecTraits, Extent, Kind, aac_profile, channel_layout};
use crate::source::Source;
use crate::stage::Format;
use crate::{Error, Features, Limits, Options, speakers};
use report::{Audio, Quality, Report};
use symphonia::core::audio::{AudioSpec, Channels};
use symphonia::core::packet::Packet;

/// The pass under way.
pub(crate) struct Pass {
    features: Features,
    limits: Limits,
    kind: Kind,
    decoder: Decoder,
    running: Option<Running>,
    account: Account,
    extent: Extent,
    /// Bits per sample, if the container knows better than the codec.
    container_bits: Option<u16>,
    /// Why no further packet is decoded.
    stopped: Option<String>,
}

/// What exists from the first decoded packet on.
struct Running {
    rate: u32,
    channels: Channels,
    bit_depth: Option<u16>,
    assembler: Assembler,
    bench: Bench,
}

/// What a pass leaves behind.
pub(crate) struct Passed {
    pub(crate) report: Report,
    pub(crate) judgement: Judgement,
    /// Largest magnitude of any sample.
    pub(crate) peak: f32,
}

impl Pass {
    pub(crate) fn new(source: &Source, options: &Options) -> Result<Self, Error> {
        let kind = source.kind();
        let decoder = Decoder::new(kind, &source.parameters())?;
        let account = Account::new(decoder.codec.lossless == Some(false));
        let mut pass = Self {
            features: options.features,
            limits: options.limits.clone(),
            kind,
            decoder,
            running: None,
            account,
            extent: source.extent(),
            container_bits: source.bit_depth(),
            stopped: None,
        };
        pass.begin(source);
        Ok(pass)
    }

    fn begin(&mut self, source: &Source) {
        let extent = source.extent();
        let total = extent.total.filter(|total| !total.is_zero());
        self.account.begin(source.time_base(), total, extent.exact);
    }

    /// Goes on with the next stream of a chain.
    pub(crate) fn new_stream(&mut self, source: &Source) -> Result<(), Error> {
        self.decoder = Decoder::new(self.kind, &source.parameters())?;
        self.begin(source);
        self.extent = source.extent();
        if let Some(running) = &mut self.running {
            running.assembler.begin(running.rate, &self.extent);
        }
        Ok(())
    }

    /// Decodes a packet and shows its samples to the stages.
    pub(crate) fn packet(&mut self, mut packet: Packet) -> Result<(), Error> {
        // Matroska counts what it cuts in frames; other containers leave it to the decoder.
        let cut = if self.kind == Kind::Mkv { std::mem::take(&mut packet.trim_end).get() } else { 0 };
        let ticks = packet.block_dur().get();
        if let Some(reason) = &self.stopped {
            self.account.left_out(ticks, reason);
            return Ok(());
        }
        let (codec, bit_depth) = (self.decoder.codec, self.decoder.bit_depth());
        let (buffer, trimmed) = match self.decoder.decode(&packet) {
            Decoded::Samples { buffer, trimmed } => (buffer, trimmed),
            Decoded::Failed { reason, unsupported } => {
                self.account.failed(ticks, reason, unsupported);
                return Ok(());
            }
        };
        // A decoder that answers with nothing leaves a gap, which the next timestamp shows.
        if buffer.is_empty() && trimmed == 0 {
            return Ok(());
        }
        let spec = buffer.spec();
        let running = match &mut self.running {
            Some(running) => running,
            None => {
                self.limits.check(spec.rate(), buffer.num_planes())?;
                self.account.set_rate(spec.rate());
                let bit_depth = self.container_bits.or(bit_depth);
                self.running.insert(Running::new(spec, bit_depth, &self.extent, codec, self.features))
            }
        };
        if let Some(change) = running.change(spec) {
            self.account.left_out(ticks, &change);
            self.stopped = Some(change);
            return Ok(());
        }
        let frames = buffer.frames() as u64 + trimmed;
        let damage = running.assembler.push(&buffer, cut, &mut |block| running.bench.block(block));
        self.account.decoded(packet.pts.get(), frames, damage);
        running.check_length(&self.limits)
    }

    /// Audio that is behind us, in seconds: what was decoded, and what was left out because no packet is decoded any more.
    pub(crate) fn seconds(&self) -> f64 {
        self.running.as_ref().map_or(0.0, Running::seconds) + self.account.seconds_left_out()
    }

    /// Ends the pass.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Unsupported`] if nothing was decoded.
    pub(crate) fn finish(self, source: &Source) -> Result<Passed, Error> {
        if source.seen.packets == 0 {
            let detail = format!("the {} file is a header without audio", source.kind().name());
            return Err(Error::Corrupt { detail });
        }
        if let Some((unsupported, reason)) = self.account.nothing_decoded() {
            let detail = format!("no sample could be decoded: {reason}");
            return Err(if unsupported { Error::Unsupported { detail } } else { Error::Corrupt { detail } });
        }
        let Some(mut running) = self.running else {
            return Err(Error::Corrupt { detail: "no sample could be decoded".to_owned() });
        };
        running.assembler.finish(&mut |block| running.bench.block(block));
        let judgement = self.account.judge(running.assembler.emitted(), &source.seen, unframed_bytes(source));
        let mut report =
            Report { audio: running.audio(source, &self.decoder, &judgement), ..Report::default() };
        let peak = running.bench.peak();
        running.bench.finish(&mut report);
        if let Some(quality) = &mut report.quality {
            note(quality, &judgement);
        }
        Ok(Passed { report, judgement, peak })
    }
}

/// What the decoder and the container have to say of the quality.
fn note(quality: &mut Quality, judgement: &Judgement) {
    quality.decode_errors = judgement.decode_errors;
    quality.wild_samples = judgement.wild_samples;
    quality.gaps = judgement.gaps;
    quality.missing_seconds = judgement.missing_seconds;
}

/// Header of an ADTS frame, which is not part of the packet.
const ADTS_HEADER: u64 = 7;

/// Bytes in which the packets of a stream without container lie, so that what is between them can be told.
fn unframed_bytes(source: &Source) -> Option<u64> {
    match source.framing() {
        Kind::Mpeg { .. } => Some(source.stream_bytes()),
        Kind::Adts => Some(source.stream_bytes().saturating_sub(ADTS_HEADER * source.seen.packets)),
        _ => None,
    }
}

impl Running {
    fn new(
        spec: &AudioSpec,
        bit_depth: Option<u16>,
        extent: &Extent,
        codec: CodecTraits,
        features: Features,
    ) -> Self {
        let (rate, channels) = (spec.rate(), spec.channels().clone());
        let format = Format { rate, weights: speakers::weights(&channels), bit_depth };
        let assembler = Assembler::new(format.channels(), rate, extent, !codec.pcm);
        Self { rate, channels, bit_depth, assembler, bench: Bench::new(features, &format) }
    }

    /// Audio that was decoded, in seconds.
    fn seconds(&self) -> f64 {
        self.assembler.emitted() as f64 / f64::from(self.rate)
    }

    /// What changed in the middle of the stream. The stages measure one format; to mix two would be to measure neither.
    fn change(&self, spec: &AudioSpec) -> Option<String> {
        let at = self.seconds();
        if spec.rate() != self.rate {
            return Some(format!(
                "the sample rate changes from {} to {} Hz at {at:.1} s",
                self.rate,
                spec.rate()
            ));
        }
        let (before, after) = (self.channels.count(), spec.channels().count());
        (before != after)
            .then(|| format!("the number of channels changes from {before} to {after} at {at:.1} s"))
    }

    fn check_length(&self, limits: &Limits) -> Result<(), Error> {
        let seconds = self.seconds();
        if seconds > limits.max_duration_seconds {
            let detail = format!("more than {} s of audio", limits.max_duration_seconds);
            return Err(Error::TooLarge { detail });
        }
        Ok(())
    }

    fn audio(&self, source: &Source, decoder: &Decoder, judgement: &Judgement) -> Audio {
        let (kind, codec, extent) = (source.kind(), decoder.codec, source.extent());
        let frames = self.assembler.emitted();
        let seconds = frames as f64 / f64::from(self.rate);
        let clock = source.time_base().filter(|_| kind == Kind::Mp4).map(|base| base.denom.get());
        let delay = extent.skip.in_frames(self.rate);
        Audio {
            container: if matches!(kind, Kind::Mpeg { .. }) { codec.name } else { kind.name() }.to_owned(),
            codec: codec.name.to_owned(),
            codec_profile: (codec.name == "aac").then(|| {
                let config = source.parameters().extra_data;
                aac_profile(config.as_deref(), kind == Kind::Adts, clock, self.rate).to_owned()
            }),
            lossless: codec.lossless,
            sample_rate_hz: self.rate,
            channels: u16::try_from(self.assembler.channels()).unwrap_or(u16::MAX),
            channel_layout: channel_layout(&self.channels),
            bit_depth: self.bit_depth,
            duration_seconds: seconds,
            frames,
            declared_duration_seconds: extent
                .total
                .filter(|total| !total.is_zero())
                .map(|total| total.seconds()),
            decoded_fraction: judgement.fraction,
            bitrate_bps: (frames > 0).then(|| (source.seen.bytes as f64 * 8.0 / seconds).round() as u32),
            encoder_delay_frames: (delay > 0).then(|| u32::try_from(delay).unwrap_or(u32::MAX)),
            encoder_padding_frames: self.assembler.padding().and_then(|it| u32::try_from(it).ok()),
        }
    }
}
