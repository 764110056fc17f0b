//! The decoding half of the pass: one decoder, one assembler, and the stages behind it.

use super::bench::Bench;
use crate::decode::{Account, Assembler, Decoded, Decoder, FormatWatch, Judgement, StreamFormat};
use crate::open::{CodecTraits, Extent, Kind, aac_profile, channel_layout};
use crate::source::Source;
use crate::stage::Format;
use crate::{Error, Feature, Features, Limits, Options, speakers};
use report::{Audio, Quality, Report};
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

/// Seconds by which Matroska's timestamps may be off. Writers that do not know how long the packets of Vorbis last guess, and
/// are off by a fraction of a packet; where a packet is missing, more is.
const MATROSKA_SLACK: f64 = 0.005;

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
    /// Of MPEG streams, whose frames may change their format.
    watch: Option<FormatWatch>,
    /// The format to measure in, where it is known from a pass before.
    target: Option<StreamFormat>,
    /// A format that holds more than the one that is measured came up.
    wider: Option<StreamFormat>,
    /// The samples have the checksums that the streams state.
    verified: Option<bool>,
}

/// What exists from the first decoded packet on.
struct Running {
    format: StreamFormat,
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
    /// Begins a pass, which measures in `target` if that is given, and else in the format of what is decoded first.
    pub(crate) fn new(
        source: &Source,
        options: &Options,
        target: Option<StreamFormat>,
    ) -> Result<Self, Error> {
        let kind = source.kind();
        let decoder = Decoder::new(source.stream(), options.features.contains(Feature::Quality))?;
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
            watch: matches!(source.framing(), Kind::Mpeg { .. }).then(FormatWatch::default),
            target,
            wider: None,
            verified: None,
        };
        if kind == Kind::Mkv {
            pass.account.set_slack(MATROSKA_SLACK);
        }
        pass.begin(source);
        Ok(pass)
    }

    fn begin(&mut self, source: &Source) {
        let extent = source.extent();
        let total = extent.total.filter(|total| !total.is_zero());
        // Where libav reads the container, timestamps are often those of the packets that a decoder keeps for later, or made up:
        // what is missing then shows in the total alone.
        let base = source.time_base().filter(|_| !matches!(source.kind(), Kind::Foreign(_)));
        self.account.begin(base, total, extent.exact);
    }

    /// Goes on with the next stream of a chain.
    pub(crate) fn new_stream(&mut self, source: &Source) -> Result<(), Error> {
        self.verify();
        self.decoder = Decoder::new(source.stream(), self.features.contains(Feature::Quality))?;
        self.begin(source);
        self.extent = source.extent();
        if let Some(running) = &mut self.running {
            running.assembler.begin(running.format.rate, &self.extent);
        }
        Ok(())
    }

    /// Takes note of the checksum of the stream that ends here. One that is wrong counts for all.
    fn verify(&mut self) {
        let verified = self.decoder.verified();
        self.verified = if verified == Some(false) { verified } else { self.verified.or(verified) };
    }

    /// Decodes a packet and shows its samples to the stages.
    pub(crate) fn packet(&mut self, packet: Packet) -> Result<(), Error> {
        let Some(watch) = &mut self.watch else { return self.decode(packet) };
        let watched = watch.take(packet);
        watched.strays.iter().for_each(|stray| self.stray(stray));
        if let Some(rate) = watched.changed {
            self.decoder.renew();
            self.account.change_clock(TimeBase::try_from_recip(rate));
        }
        watched.frames.into_iter().try_for_each(|packet| self.decode(packet))
    }

    fn stray(&mut self, packet: &Packet) {
        self.account.failed(packet.block_dur().get(), "a frame of another format".to_owned(), false);
    }

    /// The format that a pass should measure in instead of this one.
    pub(crate) fn wider(&self) -> Option<&StreamFormat> {
        self.wider.as_ref()
    }

    fn decode(&mut self, mut packet: Packet) -> Result<(), Error> {
        // Matroska counts what it cuts in frames; other containers leave it to the decoder.
        let cut = if self.kind == Kind::Mkv { std::mem::take(&mut packet.trim_end).get() } else { 0 };
        let ticks = packet.block_dur().get();
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
        let format = StreamFormat { rate: spec.rate(), channels: spec.channels().clone() };
        let running = match &mut self.running {
            Some(running) => running,
            None => {
                self.limits.check(spec.rate(), buffer.num_planes())?;
                let format = self.target.take().map_or(format.clone(), |target| target.widest(&format));
                self.account.set_rate(format.rate);
                let bit_depth = self.container_bits.or(bit_depth);
                self.running.insert(Running::new(format, bit_depth, &self.extent, codec, self.features))
            }
        };
        let widest = running.format.widest(&format);
        if widest != running.format && self.wider.is_none() {
            self.limits.check(spec.rate(), buffer.num_planes())?;
            self.wider = Some(widest);
        }
        self.account.set_stream_rate(format.rate);
        let frames = buffer.frames() as u64 + trimmed;
        let damage = running.assembler.push(&buffer, cut, &mut |block| running.bench.block(block));
        self.account.decoded(packet.pts.get(), frames, damage);
        running.check_length(&self.limits)
    }

    /// Takes what the decoder kept until the end.
    pub(crate) fn drain(&mut self) {
        let Some(running) = &mut self.running else { return };
        let Some(buffer) = self.decoder.drain() else { return };
        let damage = running.assembler.push(&buffer, 0, &mut |block| running.bench.block(block));
        self.account.decoded(0, buffer.frames() as u64, damage);
    }

    /// Audio that was decoded, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.running.as_ref().map_or(0.0, Running::seconds)
    }

    /// Ends the pass.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Unsupported`] if nothing was decoded.
    pub(crate) fn finish(mut self, source: &Source) -> Result<Passed, Error> {
        let strays = self.watch.as_mut().map(FormatWatch::finish).unwrap_or_default();
        strays.iter().for_each(|stray| self.stray(stray));
        self.verify();
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
            quality.checksum_matches = self.verified;
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
        format: StreamFormat,
        bit_depth: Option<u16>,
        extent: &Extent,
        codec: CodecTraits,
        features: Features,
    ) -> Self {
        let measured = Format { rate: format.rate, weights: speakers::weights(&format.channels), bit_depth };
        let assembler = Assembler::new(format.clone(), extent, !codec.pcm);
        Self { format, bit_depth, assembler, bench: Bench::new(features, &measured) }
    }

    /// Audio that was decoded, in seconds.
    fn seconds(&self) -> f64 {
        self.assembler.emitted() as f64 / f64::from(self.format.rate)
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
        let seconds = frames as f64 / f64::from(self.format.rate);
        let delay = extent.skip.in_frames(self.format.rate);
        Audio {
            container: if matches!(kind, Kind::Mpeg { .. }) { codec.name } else { kind.name() }.to_owned(),
            codec: codec.name.to_owned(),
            decoder: decoder.version(),
            codec_profile: decoder.profile().or_else(|| {
                (codec.name == "aac").then(|| aac_profile(kind == Kind::Adts, self.format.rate).to_owned())
            }),
            lossless: decoder.lossless(),
            sample_rate_hz: self.format.rate,
            channels: u16::try_from(self.assembler.channels()).unwrap_or(u16::MAX),
            channel_layout: channel_layout(&self.format.channels),
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
