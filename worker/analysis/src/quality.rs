//! Evidence of damage in the signal, and of what it went through before. Numbers, no verdicts. What the decoder has to tell
//! is added elsewhere.

mod bandwidth;
mod bits;
mod clipping;
mod dropouts;
mod stereo;
#[cfg(test)]
mod tests;

use crate::stage::{Block, Format, Stage};
use bandwidth::Bandwidth;
use bits::Bits;
use clipping::Defects;
use dropouts::Dropouts;
use report::{Quality, Report};
use stereo::Stereo;

/// Version of what this part computes.
pub(crate) const VERSION: u16 = 2;

/// The stage that collects all of it.
#[derive(Debug)]
pub(crate) struct Evidence {
    defects: Defects,
    stereo: Option<Stereo>,
    bits: Option<Bits>,
    dropouts: Dropouts,
    bandwidth: Bandwidth,
}

impl Evidence {
    pub(crate) fn new(format: &Format) -> Self {
        Self {
            defects: Defects::new(format),
            stereo: (format.channels() == 2).then(Stereo::default),
            bits: format.bit_depth.map(Bits::new),
            dropouts: Dropouts::new(format.rate),
            bandwidth: Bandwidth::new(format),
        }
    }
}

impl Stage for Evidence {
    fn name(&self) -> &'static str {
        "quality"
    }

    fn version(&self) -> u16 {
        VERSION
    }

    fn block(&mut self, block: &Block<'_>) {
        self.defects.block(block);
        if let Some(stereo) = &mut self.stereo {
            stereo.block(block.channel(0), block.channel(1));
        }
        if let Some(bits) = &mut self.bits {
            block.iter().for_each(|samples| bits.push(samples));
        }
        self.dropouts.block(block);
        self.bandwidth.block(block);
    }

    fn finish(&mut self, report: &mut Report) {
        let quality = report.quality.get_or_insert_with(Quality::default);
        self.defects.finish(quality);
        self.dropouts.finish(quality);
        self.bandwidth.finish(quality);
        quality.effective_bits = self.bits.as_ref().and_then(Bits::effective);
        if let Some(stereo) = &self.stereo {
            quality.correlation = stereo.correlation();
            quality.side_level_db = stereo.side_level_db();
        }
    }
}
