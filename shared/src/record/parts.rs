//! Parts of a report that can be left out of what is printed.

use super::Record;

macro_rules! parts {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $field:ident;)+) => {
        /// A part of a report.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Part {
            $($(#[$doc])* $variant,)+
        }

        impl Part {
            /// Every part, in the order of a report.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name, which is that of the field.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Takes it out of a record.
            pub fn leave_out(self, record: &mut Record) {
                let Some(report) = &mut record.report else { return };
                match self { $(Self::$variant => report.$field = None,)+ }
            }
        }
    };
}

parts! {
    /// What the file says of itself.
    Tags = "tags", tags;
    /// Loudness and peaks.
    Loudness = "loudness", loudness;
    /// Silence at both ends.
    Silence = "silence", silence;
    /// Evidence of damage.
    Quality = "quality", quality;
    /// The overview for drawing: two thirds of a record.
    Waveform = "waveform", waveform;
    /// Tempo and beats.
    Tempo = "tempo", tempo;
    /// The key.
    Key = "key", key;
    /// How the sound is spread over the frequencies.
    Spectral = "spectral", spectral;
    /// What a listener might say of the piece.
    Descriptors = "descriptors", descriptors;
    /// Sections.
    Structure = "structure", structure;
    /// The vector by which pieces that sound alike are found.
    Similarity = "similarity", similarity;
    /// What the recording is known by.
    Fingerprint = "fingerprint", fingerprint;
}

/// So that completions know the names.
impl clap::ValueEnum for Part {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::End;

    #[test]
    fn a_part_is_taken_out_and_the_rest_stays() {
        let report = report::Report {
            waveform: Some(report::Waveform::default()),
            tempo: Some(report::Tempo::default()),
            ..report::Report::default()
        };
        let mut record = Record { report: Some(Box::new(report)), ..Record::new(b"a", End::Ok) };
        <Part as clap::ValueEnum>::from_str("waveform", false).unwrap().leave_out(&mut record);
        let report = record.report.as_ref().unwrap();
        assert!(report.waveform.is_none() && report.tempo.is_some());
        // Every part is a field of the report.
        let json = serde_json::to_value(report).unwrap();
        assert!(Part::ALL.iter().all(|part| json.get(part.name()).is_some()));
    }
}
