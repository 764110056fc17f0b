use super::*;
use crate::open::Span;
use proptest::prelude::*;
use symphonia::core::audio::{AsGenericAudioBufferRef, AudioMut, AudioSpec, layouts};

const RATE: u32 = 44_100;

fn mono() -> StreamFormat {
    StreamFormat { rate: RATE, channels: layouts::CHANNEL_LAYOUT_MONO }
}

fn buffer(samples: &[f32]) -> AudioBuffer<f32> {
    let spec = AudioSpec::new(RATE, layouts::CHANNEL_LAYOUT_MONO);
    let mut buffer = AudioBuffer::new(spec, samples.len().max(1));
    buffer.render_uninit(Some(samples.len()));
    buffer.plane_mut(0).unwrap().copy_from_slice(samples);
    buffer
}

fn assemble(extent: &Extent, packets: &[&[f32]]) -> Vec<f32> {
    let mut assembler = Assembler::new(mono(), extent, false);
    let mut out = Vec::new();
    let mut sizes = Vec::new();
    let mut emit = |block: &Block<'_>| {
        sizes.push(block.frames());
        out.extend_from_slice(block.channel(0));
    };
    for packet in packets {
        assembler.push(&buffer(packet).as_generic_audio_buffer_ref(), 0, &mut emit);
    }
    assembler.finish(&mut emit);
    assert_eq!(assembler.emitted(), out.len() as u64);
    let last = sizes.len().saturating_sub(1);
    assert!(sizes[..last].iter().all(|size| *size == BLOCK_FRAMES));
    out
}

fn ramp(frames: usize) -> Vec<f32> {
    (0..frames).map(|frame| frame as f32 / 1e6).collect()
}

fn extent(skip: u64, total: u64, excess: Excess) -> Extent {
    let span = |frames| Span::frames(frames, RATE);
    Extent { skip: span(skip), total: Some(span(total)), exact: true, excess }
}

proptest! {
    #[test]
    fn packets_of_any_size_become_the_same_signal(
        frames in 0usize..20_000, size in 1usize..6000, skip in 0u64..3000, total in 0u64..20_000,
    ) {
        let signal = ramp(frames);
        let packets: Vec<&[f32]> = signal.chunks(size).collect();
        let out = assemble(&extent(skip, total, Excess::Drop), &packets);
        let start = (skip as usize).min(frames);
        let end = (start + total as usize).min(frames);
        prop_assert_eq!(out, &signal[start..end]);
    }

    #[test]
    fn only_padding_is_dropped(frames in 1usize..20_000, size in 1usize..6000, total in 0u64..20_000) {
        let signal = ramp(frames);
        let packets: Vec<&[f32]> = signal.chunks(size).collect();
        let out = assemble(&extent(0, total, Excess::Padding), &packets);
        let excess = frames.saturating_sub(total as usize);
        let kept = if excess <= MAX_PADDING { frames - excess } else { frames };
        prop_assert_eq!(out, &signal[..kept]);
    }

    #[test]
    fn nothing_wild_is_left(bits in proptest::collection::vec(any::<u32>(), 1..3000), condemn: bool) {
        let signal: Vec<f32> = bits.iter().map(|it| f32::from_bits(*it)).collect();
        let wild = signal.iter().filter(|it| it.is_nan() || it.abs() > WILD).count() as u64;
        let mut planes = vec![signal];
        let damage = sanitise(&mut planes, condemn);
        prop_assert_eq!(damage.wild_samples, wild);
        prop_assert!(planes[0].iter().all(|it| it.abs() <= WILD));
        if wild == 0 {
            prop_assert_eq!(damage, Damage::default());
        } else {
            prop_assert_eq!(damage.frames, if condemn { bits.len() as u64 } else { wild });
        }
    }
}

#[test]
fn a_wild_sample_condemns_the_packet_of_a_codec() {
    let mut assembler = Assembler::new(mono(), &Extent::default(), true);
    let mut out = Vec::new();
    let mut emit = |block: &Block<'_>| out.extend_from_slice(block.channel(0));
    let good = assembler.push(&buffer(&[0.5; 4]).as_generic_audio_buffer_ref(), 0, &mut emit);
    let bad =
        assembler.push(&buffer(&[0.5, 465_557.0, f32::NAN, 0.5]).as_generic_audio_buffer_ref(), 0, &mut emit);
    assembler.finish(&mut emit);
    assert_eq!(good, Damage::default());
    assert_eq!(bad, Damage { wild_samples: 2, frames: 4 });
    assert_eq!(out, [0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
}
